import CZlib
import LucencyFoundation

/// Unpacking of deflated bytes (RFC 1951) whose length is known, through zlib.
enum Inflation {
    /// Deflate cannot make bytes grow by more than this.
    static let highestRatio = 1032

    /// Exactly `size` bytes.
    /// - Throws: `Diagnostic` when the data are damaged or hold fewer or more.
    static func unpack(_ packed: [UInt8], size: Int) throws(Diagnostic) -> [UInt8] {
        func damaged(_ reason: String) -> Diagnostic { Diagnostic(.damagedFile, "packed data are damaged: \(reason)") }
        var stream = z_stream()
        guard lzlib_begin_inflating(&stream) == Z_OK else {
            throw Diagnostic(.tooLarge, "not enough memory to unpack")
        }
        defer { inflateEnd(&stream) }
        var packed = packed
        // One byte more than announced, so that data which hold more are found out.
        var out = [UInt8](repeating: 0, count: size + 1)
        let (status, made, left): (Int32, Int, Int) = packed.withUnsafeMutableBufferPointer { input in
            out.withUnsafeMutableBufferPointer { output in
                var status = Z_OK, taken = 0, made = 0
                // zlib counts in 32 bits.
                while status == Z_OK, let from = input.baseAddress, let to = output.baseAddress {
                    let give = min(input.count - taken, 1 << 30), room = min(output.count - made, 1 << 30)
                    guard room > 0 else { break }
                    stream.next_in = from + taken
                    stream.avail_in = UInt32(give)
                    stream.next_out = to + made
                    stream.avail_out = UInt32(room)
                    status = inflate(&stream, Z_NO_FLUSH)
                    let read = give - Int(stream.avail_in), wrote = room - Int(stream.avail_out)
                    (taken, made) = (taken + read, made + wrote)
                    if read == 0, wrote == 0 { break }
                }
                return (status, made, input.count - taken)
            }
        }
        guard made <= size else { throw damaged("more than the \(size) bytes that are stated") }
        guard status == Z_STREAM_END, made == size else {
            throw damaged(status == Z_DATA_ERROR ? "they are not deflated" : "\(made) of \(size) bytes are there")
        }
        guard left == 0 else { throw damaged("\(left) bytes stand behind their end") }
        out.removeLast()
        return out
    }

    /// CRC-32 of bytes, continued from that of those before.
    static func checksum(_ bytes: ArraySlice<UInt8>, after start: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBufferPointer { UInt32(crc32_z(UInt(start), $0.baseAddress, $0.count)) }
    }
}
