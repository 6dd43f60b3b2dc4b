"""What is wrong with files that staff load, as the rooms below say it, for the catalogue of words.

What begins with `said` is the file's own, and shown as it stands. Pure.
"""

from typing import Final

from app.web.texts import noted

#: Statements and settlement files (`reconciliation.formats`).
OF_STATEMENTS: Final = (
    noted("Sao kê có %(count)s lỗi; chưa nhận dòng nào."),
    noted("và %(count)s lỗi khác"),
    noted("Tệp không có dòng giao dịch nào."),
    noted("Tệp lớn hơn %(most)s byte."),
    noted("quá %(most)s dòng"),
    noted("Đây là tệp Excel đời cũ, hoặc tệp nén; hãy lưu lại dạng .xlsx hoặc CSV UTF-8."),
    noted("Dòng %(row)s có ký tự điều khiển; đây không phải tệp văn bản."),
    noted("Tệp có dấu %(mark)s ở đầu, không phải %(encoding)s."),
    noted("Tệp có dấu %(mark)s ở đầu nhưng không đọc được."),
    noted("Tệp không đọc được theo bảng mã %(encoding)s."),
    noted("Không biết bảng mã của tệp; hãy lưu lại dạng UTF-8."),
    noted(
        "Tệp không phải UTF-8, có thể là: %(encodings)s. Hãy nói rõ bảng mã bằng trường encoding "
        "(dòng lệnh: --encoding), hoặc lưu lại dạng UTF-8."
    ),
    noted("Không có bảng mã %(said)s; các bảng mã hiện có: %(encodings)s."),
    noted("không đọc được như CSV"),
    noted("dấu ngoặc kép mở mà không đóng"),
    noted("sau dấu ngoặc kép đóng còn chữ: dấu ngoặc kép ở trong ô phải viết hai lần"),
    noted("dấu ngoặc kép mở mà không đóng, hoặc ô quá dài"),
    noted("Không nhận ra dòng tiêu đề; hãy viết mẫu sao kê (layout) cho tệp này."),
    noted("thiếu cột này, hoặc có nó hai lần"),
    noted("Không có mẫu sao kê %(said)s cho ngày %(day)s; các mẫu hiện có: %(layouts)s."),
    noted("Mẫu không đọc được dòng nào của tệp này."),
    noted("%(said)s không phải số tiền kiểu %(said_like)s"),
    noted("%(said)s không phải số tiền"),
    noted("%(said)s có phần lẻ dưới một đồng"),
    noted("%(said)s lớn hơn mức cho phép"),
    noted("%(said)s không phải thời điểm dạng %(said_like)s"),
    noted("%(said)s không chia hết cho %(scale)s"),
    noted(
        "%(said)s là dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999: bảng tính "
        "có thể đã đọc 20.000 thành 20; hãy xuất lại tệp từ ngân hàng"
    ),
    noted(
        "%(said)s là dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999: bảng tính "
        "có thể đã đọc 20.000 thành 20; hãy xuất lại tệp từ cổng, hoặc chọn mẫu khác"
    ),
    noted(
        "%(said)s là dưới 1.000 đồng trong tệp không có số nào từ 1.000 đến 999.999: số tiền "
        "trong tệp có thể là đồng, chưa nhân %(scale)s; hãy xuất lại tệp từ cổng, hoặc chọn mẫu "
        "khác"
    ),
    noted("có ô thừa sau %(width)s cột của tiêu đề"),
    noted("có %(cells)s ô, cần %(width)s"),
    noted("ô dài quá %(most)s ký tự"),
    noted("dài quá %(most)s ký tự"),
    noted("ô có ký tự điều khiển"),
    noted("ngày %(day)s ở xa trong tương lai"),
    noted("ở xa trong tương lai"),
    noted("số tham chiếu đã bị bảng tính làm tròn; hãy xuất lại tệp từ ngân hàng"),
    noted("mã số đã bị bảng tính làm tròn; hãy xuất lại tệp từ cổng"),
    noted("cần một trong: %(said)s"),
    noted("phải là %(said)s"),
    noted("để trống"),
    noted("trùng với dòng %(row)s"),
    noted("số tiền bằng 0"),
    noted("số tiền phải lớn hơn 0"),
    noted("số tiền không hợp lệ về dấu, hoặc bằng 0"),
    noted("cả hai bên đều có số tiền (%(said_first)s, %(said_second)s)"),
    noted("không bên nào có số tiền (%(said_first)s, %(said_second)s)"),
    noted("tổng ghi %(said)s, các dòng cộng lại %(said_sum)s"),
    noted("số dòng không khớp: đọc được %(count)s dòng"),
    noted("dòng này đứng sau dòng tổng"),
    noted('Không có dòng "%(said)s" ở cuối: tệp có thể bị cắt.'),
    noted("không có mã của cổng, cũng không có mã của ta"),
    noted("ghi %(said)s, số tiền trừ phí là %(said_net)s"),
    noted("ngày %(day)s: quá xa về trước"),
    noted("ngày %(day)s: tài khoản %(account)s có từ %(since)s"),
    noted("Tệp ghi tài khoản %(said)s, không phải tài khoản %(said_ours)s."),
    noted("Dòng %(row)s: số dư ghi %(said)s, theo các dòng trước phải là %(said_sum)s"),
    noted("Số dư cuối kỳ ghi %(said)s, theo các dòng trước phải là %(said_sum)s"),
    noted("Không đọc được tệp Excel này."),
    noted("Tệp có nhiều trang sao kê: %(said)s; hãy để mỗi trang một tệp."),
    noted("ô %(cell)s là công thức; hãy dán lại dạng Giá trị"),
    noted("ô %(cell)s báo lỗi công thức"),
    noted(
        "ô là số: số 0 ở đầu và các chữ số sau số thứ 15 có thể đã mất; hãy xuất lại tệp từ ngân "
        "hàng, hoặc nộp tệp CSV của ngân hàng"
    ),
    noted("ô có ký tự điều khiển; hãy xuất lại tệp từ ngân hàng"),
    noted("ô là giá trị đúng, sai; hãy xuất lại tệp từ ngân hàng"),
    noted("ô là ngày giờ: bảng tính đã đổi nội dung của ô; hãy xuất lại tệp từ ngân hàng"),
    noted("ô là số lẻ %(said)s: bảng tính có thể đã đổi số; hãy xuất lại tệp từ ngân hàng"),
    noted("ô là số %(said)s: bảng tính đã làm tròn; hãy xuất lại tệp từ ngân hàng"),
    noted(
        "dòng %(first)s là ngày, dòng %(second)s là chữ: bảng tính có thể đã đổi chỗ ngày và "
        "tháng; hãy xuất lại tệp từ ngân hàng"
    ),
    noted("Trang %(said)s đang ẩn trong tệp, vẫn được đọc."),
    noted("%(count)s dòng đang ẩn trong tệp, vẫn được đọc: %(said)s."),
    noted("Cột đang ẩn trong tệp, vẫn được đọc: %(said)s."),
    noted("%(said)s có thể là hàng nghìn: dấu chấm chỉ được đứng trước phần lẻ"),
    noted("%(said)s không phải CRDT hoặc DBIT"),
    noted("%(said)s không phải BOOK, PDNG, INFO hoặc FUTR"),
    noted("%(said)s không phải true hoặc false"),
    noted("%(said)s không phải ngày kiểu 2026-11-02"),
    noted("phải là chữ, không có phần tử con"),
    noted("không có ngày hạch toán"),
    noted("không có số tài khoản"),
    noted("không có số tiền"),
    noted("có hai lần"),
    noted("có hai số dư cuối"),
    noted("Tệp ghi rằng còn trang sau (LastPgInd)."),
    noted("Tệp XML có DOCTYPE hoặc ENTITY; sao kê không cần."),
    noted("Không có bản sao kê camt.053 (Stmt) hay camt.054 (Ntfctn) nào trong tệp."),
    noted("XML hỏng, bị cắt, hoặc không theo bảng mã mà nó ghi"),
    noted("Tệp XML có quá nhiều phần tử."),
    noted("báo cáo trong ngày (camt.052); cần camt.053 hoặc camt.054"),
    noted("đứng ngoài bản sao kê"),
    noted("bản sao kê không có số tài khoản"),
    noted("ghi %(said)s, đọc được %(said_sum)s"),
    noted("Tệp dừng ở số dư tạm (:62M:): còn trang sau."),
    noted("Không có bản sao kê MT940 nào (:20:) trong tệp."),
    noted("%(said)s không phải dòng :61:"),
    noted("%(said)s: bên nợ, có không rõ"),
    noted("%(said)s: số tiền hoặc loại giao dịch không rõ"),
    noted("%(said)s không phải số dư"),
    noted("%(said)s không phải dòng tổng"),
    noted("%(said)s không phải số tiền kiểu 1000,00"),
    noted("tiền %(said)s; chỉ nhận %(currency)s"),
    noted("không có ngày hạch toán %(said)s"),
    noted("không có ngày %(said)s"),
    noted("giống một trường bị hỏng dấu"),
    noted("dòng giao dịch đứng sai chỗ trong bản sao kê"),
    noted("không có số dư cuối: tệp có thể bị cắt"),
    noted("ghi %(count)s dòng, %(said)s; đọc được %(found)s, %(said_sum)s"),
    noted("bản sao kê không ghi loại tiền"),
    noted("không phải trường của MT940"),
    noted("đứng ngoài bản sao kê: thiếu :20: ở trước"),
    noted("số dư đầu đứng sai chỗ hoặc có hai lần"),
    noted("Tệp có sao kê của nhiều tài khoản: %(said)s; hãy tách từng tệp."),
    noted("trang %(page)s đã có ở dòng %(row)s"),
    noted("Bỏ qua sao kê của tài khoản khác trong tệp: %(said)s."),
    noted(
        "Tệp này (%(settlement)s) đã được thay bằng bản mới hơn; nếu nay nó lại đúng, hãy nộp nó "
        "làm bản mới của bản đang dùng."
    ),
    noted(
        "Giao dịch %(said)s đã có trong tệp %(settlement)s, dòng %(row)s, với số liệu khác: nếu "
        "đây là bản phát hành lại, hãy nộp nó làm bản mới của tệp đó."
    ),
    noted(
        "Lô %(said)s đã gắn với một khoản ghi có (%(payout)s) và không còn như lúc đó; hãy hủy "
        "lần đó trước."
    ),
)

#: Lists of debts and files of stalls, and whatever is a table.
OF_TABLES: Final = (
    noted("Đây là tệp PDF, không phải bảng; hãy xuất lại dạng .xlsx hoặc CSV UTF-8."),
    noted("Đây là tệp ảnh, không phải bảng; hãy xuất lại dạng .xlsx hoặc CSV UTF-8."),
    noted("Đây là trang web (HTML), dù mang tên gì; hãy mở bằng bảng tính rồi lưu lại dạng .xlsx."),
    noted(
        "Đây là trang web lưu thành một tệp (MHTML), dù mang tên gì; hãy mở bằng bảng tính rồi lưu "
        "lại dạng .xlsx."
    ),
    noted("Ô thứ %(place)s không thuộc cột nào."),
    noted("Các ô thứ %(places)s không thuộc cột nào."),
    noted("Các ô thứ %(places)s và %(count)s ô khác không thuộc cột nào."),
    noted("Tệp có %(count)s lỗi; chưa nhận dòng nào."),
    noted("Tệp có %(count)s lỗi (%(listed)s lỗi đầu được nêu); chưa nhận dòng nào."),
    noted("Tệp không có dòng nào."),
    noted("Tệp chỉ có dòng tiêu đề."),
    noted("Tệp tối đa %(most)s MB."),
    noted("Tệp vượt quá %(most)s byte."),
    noted("Đây là tệp Excel đời cũ hoặc có mật khẩu; lưu lại .xlsx."),
    noted("Dòng %(row)s không phải UTF-8; hãy lưu lại dạng CSV UTF-8."),
    noted("Dòng %(row)s có ký tự điều khiển."),
    noted("Trang %(said)s, dòng %(row)s có ký tự điều khiển."),
    noted("Dòng %(row)s có ô quá dài."),
    noted("Dòng %(row)s sai dấu ngoặc kép."),
    noted("Tệp không có trang %(said)s."),
    noted("Tối đa %(most)s dòng và %(columns)s cột."),
    noted("Mỗi trang tối đa %(most)s dòng và %(columns)s cột."),
    noted("Các trang trải ra quá %(most)s ô."),
    noted("Tệp có quá %(most)s ô."),
    noted("Tệp có ô quá dài lặp lại quá nhiều lần."),
    noted("Tệp Excel có danh sách trang quá dài."),
    noted("Tệp Excel hỏng hoặc bị cắt cụt."),
    noted("Tệp Excel hỏng: có phần không phải UTF-8."),
    noted("Tệp Excel có DOCTYPE; bảng tính không viết như vậy."),
    noted("Tệp Excel có quá %(most)s phần."),
    noted("Tệp Excel giải nén ra quá %(most)s MB."),
    noted("không có cột nào tên %(said)s, hoặc ghi hai lần."),
    noted("thiếu cột %(said)s."),
    noted("Tối đa %(most)s khoản trong một tệp."),
    noted("Trang %(said)s cũng có danh sách: mỗi tệp chỉ một trang."),
    noted("Mã gồm chữ không dấu, số và . / - _."),
    noted("Mã hồ sơ gồm chữ không dấu, số và . / - _."),
    noted("Chương gồm 3 chữ số; ô phải là Văn bản để giữ số 0 ở đầu."),
    noted("Tiểu mục gồm 4 chữ số."),
    noted("Số điện thoại gồm 8 đến 19 chữ số."),
    noted("Mã này đã có ở dòng %(row)s."),
    noted("Mã đã có ở danh sách %(said)s."),
    noted("Số tiền phải lớn hơn 0."),
    noted("Quá lớn; nhiều nhất %(most)s."),
    noted("Ngày ở tương lai."),
    noted("Chưa ghi tên người nộp thay."),
    noted("Ô báo lỗi của bảng tính."),
    noted("Chưa ghi."),
    noted("Có số quyết định thì phải ghi."),
    noted("Ô có công thức; hãy dán giá trị."),
    noted("Công thức chưa được tính: mở tệp bằng bảng tính rồi lưu lại."),
    noted("Công thức chỉ được cộng, trừ, nhân các số nguyên, ví dụ =1530000+225000."),
    noted("Mã sạp gồm chữ không dấu, số và . / -."),
    noted("Loại ghi bằng chữ thường không dấu, ví dụ nha-long."),
    noted("Dãy gồm chữ không dấu và số."),
    noted("Mã tiểu thương gồm chữ không dấu, số và . / - _."),
    noted("Số hợp đồng gồm chữ, số và . / -, nhiều nhất 64 ký tự."),
    noted("Ô %(cell)s có công thức hoặc lỗi."),
    noted("Dòng %(row)s ghi loại, diện tích hoặc mặt tiền khác cho sạp này."),
    noted("Dòng %(row)s ghi tên hoặc điện thoại khác cho mã này."),
    noted("Diện tích là số mét vuông, nhiều nhất hai số lẻ: 12,5."),
    noted("Phải là số."),
    noted("Từ 1 đến 4."),
    noted("Nhiều nhất 1.000.000."),
    noted("Ghi ngày, tuần hoặc tháng."),
    noted("Sạp đã có người thuê những ngày này ở dòng %(row)s."),
    noted("Có người thuê mà chưa ghi mã."),
    noted("Trước ngày bắt đầu."),
    noted("Sạp đã có với loại, diện tích hoặc mặt tiền khác; sạp đổi thì ghi mã mới."),
    noted("Sạp đã có người thuê từ %(day)s; hãy kết thúc hợp đồng đó."),
    noted("Một tệp khác của chợ này đang được nạp; hãy chờ xong."),
    noted("Phải là văn bản; hãy định dạng ô là Văn bản rồi gõ lại."),
    noted("Bảng tính đã đổi thành số; hãy định dạng ô là Văn bản rồi gõ lại."),
    noted(
        "Ô này là số nên có thể đã mất số 0 ở đầu. Hãy định dạng ô là Văn bản rồi gõ lại số điện "
        "thoại."
    ),
    noted(
        "Số máy bàn này có thể đã mất số 0 ở đầu. Hãy ghi lại có số 0; số nước ngoài thì ghi dấu "
        "+ và mã nước."
    ),
    noted("Tối đa %(most)s ký tự."),
    noted("Không được là số âm."),
    noted("Phải là số nguyên, ví dụ 2000 hoặc 2.000."),
    noted("Phải là số nguyên, không có phần lẻ."),
    noted(
        "Ô là số %(said)s: nếu là %(meant)s, hãy gõ %(said_meant)s; nếu đúng là %(amount)s, hãy "
        "định dạng ô là Văn bản rồi gõ lại."
    ),
    noted("Phải là ngày dạng dd/mm/yyyy, ví dụ 01/03/2027."),
    noted("Phải là ngày, không kèm giờ."),
    noted("Năm phải từ %(said_first)s đến %(said_last)s."),
    noted("Bảng tính ghi 100 % thành 1; hãy định dạng ô là Văn bản rồi gõ lại."),
    noted("Tỷ lệ ghi dạng văn bản, ví dụ 0,15; hãy định dạng ô là Văn bản rồi gõ lại."),
    noted("Ghi có hoặc không."),
    noted("Có mã ghi hai lần."),
    noted("Ghi các bậc dạng 1: 2000; 3: 1000."),
    noted("Không đọc được giá trị này."),
    noted(
        "Mã số thuế gồm 10 chữ số, hoặc 10 chữ số, dấu gạch nối và 3 chữ số của đơn vị phụ "
        "thuộc; cá nhân dùng số định danh 12 chữ số."
    ),
    noted("Mã số thuế sai chữ số kiểm tra: hãy so lại từng chữ số."),
)
