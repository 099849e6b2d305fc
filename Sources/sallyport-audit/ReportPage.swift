import Primitives

/// A page of headings, sentences and tables, as Markdown or as HTML.
///
/// Every text on it may come from a log, so from whoever sent a request or forged the log: none of
/// it can start markup.
struct ReportPage {
    enum Piece: Equatable {
        case heading(String)
        case sentence(String)
        case table(head: [String], rows: [[String]])
    }

    let title: String
    private(set) var pieces: [Piece] = []

    init(title: String) {
        self.title = title
    }

    mutating func add(_ piece: Piece) {
        pieces.append(piece)
    }

    // MARK: Markdown

    var markdown: String {
        var lines = ["# \(ReportPage.plain(title))", ""]
        for piece in pieces {
            switch piece {
            case .heading(let text): lines += ["## \(ReportPage.plain(text))", ""]
            case .sentence(let text): lines += [ReportPage.plain(text), ""]
            case .table(let head, let rows):
                lines.append(ReportPage.row(head))
                lines.append("|" + String(repeating: "---|", count: head.count))
                lines += rows.map(ReportPage.row)
                lines.append("")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func row(_ cells: [String]) -> String {
        "| " + cells.map(plain).joined(separator: " | ") + " |"
    }

    /// `text` as Markdown shows it, character by character.
    static func plain(_ text: String) -> String {
        var output = ""
        for character in RecordLine.shown(text).unicodeScalars {
            switch character {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\\", "`", "*", "_", "[", "]", "|", "#", "!", "~":
                output += "\\"
                output.unicodeScalars.append(character)
            // Without it, an address would become a link by itself.
            case ":" where output.hasSuffix("http") || output.hasSuffix("https"):
                output += "&#58;"
            case "@": output += "&#64;"
            default: output.unicodeScalars.append(character)
            }
        }
        return output
    }

    // MARK: HTML

    var html: String {
        let title = ReportPage.escaped(title)
        var lines = [
            "<!DOCTYPE html>", "<html lang=\"en\"><head><meta charset=\"utf-8\">",
            // Nothing is loaded and nothing runs, whatever stands below.
            "<meta http-equiv=\"Content-Security-Policy\" "
                + "content=\"default-src 'none'; style-src 'sha256-\(ReportPage.styleDigest)'\">",
            "<title>\(title)</title><style>\(ReportPage.style)</style></head><body>",
            "<h1>\(title)</h1>",
        ]
        for piece in pieces {
            switch piece {
            case .heading(let text): lines.append("<h2>\(ReportPage.escaped(text))</h2>")
            case .sentence(let text): lines.append("<p>\(ReportPage.escaped(text))</p>")
            case .table(let head, let rows):
                lines.append("<table><thead>" + ReportPage.row(head, "th") + "</thead><tbody>")
                lines += rows.map { ReportPage.row($0, "td") }
                lines.append("</tbody></table>")
            }
        }
        return (lines + ["</body></html>", ""]).joined(separator: "\n")
    }

    /// Base64 of the style's SHA-256: the page's policy lets nothing else in.
    static let styleDigest = "8dOkMwb8quUEZH+3Xr6j0bPV/s4z91z+VkAhOnyfmuI="
    static let style =
        "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
        + "table{border-collapse:collapse;margin:1em 0}"
        + "td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left;overflow-wrap:anywhere}"

    private static func row(_ cells: [String], _ tag: String) -> String {
        "<tr>" + cells.map { "<\(tag)>\(escaped($0))</\(tag)>" }.joined() + "</tr>"
    }

    /// `text` as HTML shows it, in elements and in quoted attributes.
    static func escaped(_ text: String) -> String {
        var output = ""
        for character in RecordLine.shown(text).unicodeScalars {
            switch character {
            case "&": output += "&amp;"
            case "<": output += "&lt;"
            case ">": output += "&gt;"
            case "\"": output += "&quot;"
            case "'": output += "&#39;"
            default: output.unicodeScalars.append(character)
            }
        }
        return output
    }
}
