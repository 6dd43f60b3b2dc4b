"""Texts of ours that are not shown where they are written, for the catalogue of words. Pure."""

from typing import Final


def noted(text: str) -> str:
    """The text itself: the catalogue has to have it, although it is shown elsewhere."""
    return text


#: What rooms below tell somebody who uses a page; in another language it is found by these.
DETAILS: Final = (
    noted("Người nộp không để lại số điện thoại hay thư điện tử mà cơ quan gửi tới được."),
    noted("Đã gửi lại trong giờ này rồi; hãy chờ sang giờ sau."),
    noted("Phải là số nguyên."),
    noted("Từ 1 đến %(most)s."),
    noted("Một dòng tối đa %(most)s."),
    noted("Một khoản phải nộp tối đa %(most)s."),
    noted("Hãy chọn cách bạn nộp hồ sơ."),
    noted("Hãy nhập giá trị tính phí."),
    noted("Hãy ghi bằng chữ số, đơn vị đồng, ví dụ 1.500.000.000."),
    noted("Cần đúng một mã LP gồm 14 ký tự, như trong nội dung chuyển khoản."),
    noted("Mã này không phân biệt được giao dịch; hãy xem lại, hoặc nhập số tiền và giờ."),
    noted("Hãy ghi số tiền đã chuyển bằng chữ số, ví dụ 10.000."),
    noted("Hãy ghi ngày chuyển, ví dụ 28/11/2026."),
    noted("Hãy ghi giờ chuyển như trong ứng dụng ngân hàng, ví dụ 09:15 hoặc 09:15:32."),
    noted("Không có khoản phải nộp nào mang mã này."),
    noted("Không có chứng từ nào mang mã này."),
    noted("Không có biên lai nào mang mã này."),
    noted("Không còn mã QR cho khoản này."),
    noted("Chỉ có qr.png và qr.svg."),
    noted("Không có cơ quan này."),
    noted("Không có cơ quan %(code)s."),
    noted("Không có thủ tục %(code)s."),
    noted("Không có khoản thu %(code)s."),
    noted("Cơ quan này không thu %(code)s."),
    noted("Khoản thu %(code)s không có hiệu lực ngày %(day)s; có hiệu lực %(spans)s."),
    noted("Thủ tục %(code)s có nhiều khoản thu, hãy nêu một: %(codes)s."),
    noted("Mã %(code)s gồm nhiều thủ tục, hãy nêu một: %(codes)s."),
    noted("Bạn tra cứu quá nhanh; hãy chờ một phút rồi thử lại."),
    noted("Có quá nhiều lần tra cứu sai; hãy chờ 15 phút rồi thử lại."),
    noted(
        "Đang có quá nhiều khoản được lập từ mạng của bạn; hãy chờ vài giây rồi thử lại. Mã QR "
        "trên bảng ở quầy và những khoản đã lập vẫn thanh toán được."
    ),
    noted("Khoản phải nộp đang được lập; hãy chờ vài giây rồi mở lại trang này."),
    noted("Không có sạp nào mang mã này."),
    noted("Hãy ghi số tiền bằng chữ số, ví dụ 300.000."),
    noted("Đã thử mở sạp này quá nhiều lần; hãy chờ rồi thử lại, hoặc hỏi ban quản lý chợ."),
    noted("Biểu mẫu này được gửi từ một trang khác."),
    noted("Biểu mẫu này đã cũ; hãy mở lại trang và gửi lại."),
    noted("Không có phiên làm việc này."),
    noted("Không có mã QR này."),
    noted("Đường dẫn này không còn dùng được."),
    noted("Tài khoản của bạn không có quyền làm việc này."),
    noted(
        "Có ký tự không nhìn thấy được hoặc đảo chiều chữ (%(characters)s);"
        " hãy xóa ô rồi gõ lại, đừng dán từ nơi khác."
    ),
    noted(
        "Có ký tự không nhìn thấy được hoặc đảo chiều chữ (%(characters)s và %(count)s ký tự khác);"
        " hãy xóa ô rồi gõ lại, đừng dán từ nơi khác."
    ),
    noted(
        "Biên lai không in được ký tự %(characters)s. Hãy viết bằng chữ Việt hoặc chữ Latin, "
        "tên người nước ngoài như trong hộ chiếu."
    ),
    noted(
        "Biên lai không in được ký tự %(characters)s và %(count)s ký tự khác. Hãy viết bằng chữ "
        "Việt hoặc chữ Latin, tên người nước ngoài như trong hộ chiếu."
    ),
)
