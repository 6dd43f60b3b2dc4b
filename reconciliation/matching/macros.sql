-- What the steps of matching.sql are written with. Run by DuckDB, once for each connection.
-- Vietnam has kept one offset since 1975, so a shift by seven hours is its local time; DuckDB's
-- own zone arithmetic costs several times as much.

CREATE OR REPLACE MACRO time_in_vietnam(moment) AS
    CAST(make_timestamp(epoch_us(moment) + 25200000000) AS TIME);
CREATE OR REPLACE MACRO day_in_vietnam(moment) AS
    CAST(make_timestamp(epoch_us(moment) + 25200000000) AS DATE);
CREATE OR REPLACE MACRO is_blank(cell) AS
    cell IS NULL OR NOT regexp_matches(cell, '[\p{L}\p{N}]') OR is_placeholder(cell);
CREATE TYPE class_of_payment AS ENUM (
    'matched', 'late', 'missing_in_ledger', 'amount_mismatch', 'duplicate', 'reversed'
);
CREATE OR REPLACE MACRO in_dong(amount) AS
    replace(format('{:,}', amount), ',', '.') || ' đ';
CREATE OR REPLACE MACRO in_figures(day) AS strftime(day, '%d/%m/%Y');
CREATE OR REPLACE MACRO few(names) AS
    array_to_string(names[1:5], ', ')
    || CASE WHEN len(names) > 5 THEN ' và ' || (len(names) - 5) || ' mục nữa' ELSE '' END;
