internal import CZlib
public import FoundationEssentials

/// gzip, by zlib.
public enum Gzip {
    /// Why zlib refused.
    public struct Failure: Error, CustomStringConvertible {
        public var description: String
    }

    /// How a gzip file begins.
    public static let magic: [UInt8] = [0x1F, 0x8B]

    /// Packs `data` as small as it gets, without a name or a time, so equal data make equal bytes.
    ///
    /// - Throws: ``Failure`` where memory is short.
    public static func packed(_ data: Data) throws -> Data {
        let stream = newStream()
        defer { stream.deallocate() }
        guard coe_deflate_begin(stream, Z_BEST_COMPRESSION) == Z_OK else { throw Failure(description: "out of memory") }
        defer { deflateEnd(stream) }
        var input = [UInt8](data)
        var output = [UInt8](repeating: 0, count: Int(deflateBound(stream, UInt(input.count))) + 32)
        let status = input.withUnsafeMutableBufferPointer { input in
            output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(output.count)
                return deflate(stream, Z_FINISH)
            }
        }
        guard status == Z_STREAM_END else { throw Failure(description: "zlib could not pack \(data.count) bytes") }
        return Data(output.prefix(Int(stream.pointee.total_out)))
    }

    /// zlib keeps the stream's address, so the stream must not move.
    private static func newStream() -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        return stream
    }

    /// Unpacks a stream that comes in pieces; several packed files after one another are one stream.
    public final class Unpacker {
        private let stream = Gzip.newStream()
        private var isInside = false
        private var output = [UInt8](repeating: 0, count: 1 << 16)

        /// - Throws: ``Failure`` where memory is short.
        public init() throws {
            guard coe_inflate_begin(stream) == Z_OK else {
                stream.deallocate()
                throw Failure(description: "out of memory")
            }
        }

        deinit {
            inflateEnd(stream)
            stream.deallocate()
        }

        /// Whether the stream may end here.
        public var isWhole: Bool { !isInside }

        /// Unpacks one piece.
        ///
        /// - Throws: ``Failure`` at bytes that are not gzip's.
        public func unpack(_ piece: Data) throws -> Data {
            var input = [UInt8](piece)
            var unpacked = Data()
            try input.withUnsafeMutableBufferPointer { input in
                stream.pointee.next_in = input.baseAddress
                stream.pointee.avail_in = UInt32(input.count)
                var hasMore = false
                while stream.pointee.avail_in > 0 || hasMore { hasMore = try step(into: &unpacked) }
            }
            return unpacked
        }

        /// - Returns: whether zlib may hold more output.
        private func step(into unpacked: inout Data) throws -> Bool {
            isInside = true
            let capacity = output.count
            let status = output.withUnsafeMutableBufferPointer { output in
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(capacity)
                return inflate(stream, Z_NO_FLUSH)
            }
            unpacked.append(contentsOf: output.prefix(capacity - Int(stream.pointee.avail_out)))
            switch status {
            case Z_STREAM_END:
                isInside = false
                inflateReset(stream)
                return false
            case Z_OK, Z_BUF_ERROR: return stream.pointee.avail_out == 0
            default: throw Failure(description: "the gzip data are damaged")
            }
        }
    }
}
