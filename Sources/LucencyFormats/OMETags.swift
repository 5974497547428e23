/// The start tags of an XML text with their attributes: just enough of XML for OME metadata.
///
/// There is no DTD, no entity beyond the five predefined ones and character references, no nesting to recurse into,
/// and a limit on the text's size: nothing in it can make us read another file or expand without bound.
package struct OMETags {
    package struct Tag: Equatable {
        /// Without a namespace prefix.
        package var name: String
        package var attributes: [String: String]
    }

    package static let sizeLimit = 1 << 20
    package private(set) var tags: [Tag] = []

    /// nil where the text is too long, declares a document type, or is not well formed.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.sizeLimit else { return nil }
        let bytes = Array(text.utf8)
        var at = 0
        func starts(_ word: String) -> Bool { bytes[at...].starts(with: word.utf8) }
        func skip(past word: String) -> Bool {
            let word = Array(word.utf8)
            while at + word.count <= bytes.count {
                if bytes[at..<at + word.count].elementsEqual(word) {
                    at += word.count
                    return true
                }
                at += 1
            }
            return false
        }
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        func isName(_ byte: UInt8) -> Bool { !isSpace(byte) && ![0x3D, 0x2F, 0x3E, 0x3C, 0x22, 0x27].contains(byte) }
        func name() -> Substring {
            let start = at
            while at < bytes.count, isName(bytes[at]) { at += 1 }
            let full = String(decoding: bytes[start..<at], as: UTF8.self)
            return full.firstIndex(of: ":").map { full[full.index(after: $0)...] } ?? full[...]
        }
        while at < bytes.count {
            guard bytes[at] == UInt8(ascii: "<") else {
                at += 1
                continue
            }
            if starts("<!--") {
                guard skip(past: "-->") else { return nil }
            } else if starts("<![CDATA[") {
                guard skip(past: "]]>") else { return nil }
            } else if starts("<?") {
                guard skip(past: "?>") else { return nil }
            } else if starts("<!") {
                return nil
            } else if starts("</") {
                guard skip(past: ">") else { return nil }
            } else {
                at += 1
                var tag = Tag(name: String(name()), attributes: [:])
                guard !tag.name.isEmpty else { return nil }
                while true {
                    while at < bytes.count, isSpace(bytes[at]) || bytes[at] == UInt8(ascii: "/") { at += 1 }
                    guard at < bytes.count else { return nil }
                    if bytes[at] == UInt8(ascii: ">") {
                        at += 1
                        break
                    }
                    let key = String(name())
                    while at < bytes.count, isSpace(bytes[at]) { at += 1 }
                    guard !key.isEmpty, at < bytes.count, bytes[at] == UInt8(ascii: "=") else { return nil }
                    at += 1
                    while at < bytes.count, isSpace(bytes[at]) { at += 1 }
                    guard at < bytes.count, bytes[at] == 0x22 || bytes[at] == 0x27 else { return nil }
                    let quote = bytes[at]
                    at += 1
                    let start = at
                    while at < bytes.count, bytes[at] != quote { at += 1 }
                    guard at < bytes.count else { return nil }
                    tag.attributes[key] = Self.unescape(bytes[start..<at])
                    at += 1
                }
                tags.append(tag)
            }
        }
    }

    /// Replaces the predefined entities and character references; leaves all else as it is.
    private static func unescape(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.contains("&") else { return text }
        var result = "", rest = text[...]
        while let ampersand = rest.firstIndex(of: "&") {
            result += rest[..<ampersand]
            rest = rest[ampersand...]
            guard let end = rest.prefix(12).firstIndex(of: ";") else {
                result.append("&")
                rest = rest.dropFirst()
                continue
            }
            let name = rest[rest.index(after: rest.startIndex)..<end]
            if let known = ["lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"][name] {
                result += known
            } else if name.hasPrefix("#"), let scalar = scalar(name.dropFirst()) {
                result.unicodeScalars.append(scalar)
            } else {
                result += rest[...end]
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func scalar(_ digits: Substring) -> Unicode.Scalar? {
        let code = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        return code.flatMap(Unicode.Scalar.init)
    }
}
