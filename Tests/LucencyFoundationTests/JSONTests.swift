import LucencyFoundation
import Testing

@Suite("JSON")
struct JSONTests {
    @Test("A key that stands twice is refused, at any depth") func duplicates() throws {
        for text in [#"{"a":1,"a":1}"#, #"[{"b":{"a":1,"c":2,"a":3}}]"#, #"{"a":1,"\u0061":2}"#] {
            #expect(throws: JSONValue.SyntaxError.self, "\(text)") { try JSONValue(parsing: text) }
        }
        #expect(try JSONValue(parsing: #"{"a":{"a":1},"b":{"a":1}}"#)["b"]?["a"] == 1)
    }

    @Test("Strings with and without escapes, and bytes that are no text") func strings() throws {
        #expect(
            try JSONValue(parsing: #"["é","\u00e9","a\"b","\\","\ud83d\ude00",""]"#) == [
                "é", "é", "a\"b", "\\", "😀", "",
            ])
        for bytes in [[0x22, 0xFF, 0x22], [0x22, 0x5C, 0x6E, 0xFF, 0x22], [0x22, 0x61], [0x22]] as [[UInt8]] {
            #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: bytes) }
        }
    }

    @Test("More values than memory should hold are refused") func tooManyValues() {
        var bytes = [UInt8](repeating: UInt8(ascii: ","), count: 2 * (1 << 24) + 8)
        bytes[0] = UInt8(ascii: "[")
        for index in stride(from: 1, to: bytes.count, by: 2) { bytes[index] = UInt8(ascii: "1") }
        bytes[bytes.count - 1] = UInt8(ascii: "]")
        let error = #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: bytes) }
        #expect(error?.message.contains("values") == true)
    }
}
