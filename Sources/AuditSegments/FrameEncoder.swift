import Crypto
import Primitives

/// Makes the small frames: heads, checkpoints and seals.
@safe
public struct FrameEncoder: ~Copyable, Sendable {
    private let crc = CRC32C()

    /// An encoder.
    public init() {}

    /// The bytes of a frame without sealed bytes, and the hash that the next one names.
    public borrowing func encode(
        _ type: FrameType, number: UInt64, previous: Digest256, clear: [UInt8],
        hasher: inout TreeHasher
    ) -> (bytes: [UInt8], digest: Digest256) {
        var header = FrameHeader(
            type: type, number: number, clearCount: clear.count, sealedCount: 0,
            previous: previous)
        let start = FrameEncoder.bytes(of: header)
        header.checksum = crc.checksum(
            clear.span, continuing: crc.checksum(start.span))
        var frame = FrameEncoder.bytes(of: header) + clear
        frame += [UInt8](repeating: 0, count: header.frameCount - frame.count)
        return (frame, hasher.plain(frame.span))
    }

    private static func bytes(of header: FrameHeader) -> [UInt8] {
        var buffer = ByteBuffer(capacity: FrameHeader.byteCount)
        buffer.write { header.append(to: &$0) }
        let span = buffer.span
        return span.indices.map { span[$0] }
    }
}
