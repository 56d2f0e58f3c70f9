public import Foundation
import StatefulTools

/// Writes scalars to an `events.out.tfevents.*` file, which TensorBoard reads.
///
/// Each writer makes a file of its own, whose name sorts behind those of the folder: a training run that goes on makes a
/// new writer on the same folder, and TensorBoard shows one run. TensorBoard drops what an earlier start wrote for the
/// first new step and later ones. The operating system has a call's events when the call returns.
///
/// The file is a TFRecord file of `Event` messages (github.com/tensorflow/tensorboard, `compat/proto/event.proto` and
/// `summary.proto`); the few fields in use are encoded here by hand.
public struct TensorBoardWriter {
    /// The file that is written.
    public let file: URL
    private let handle: FileHandle
    /// Whether the first event must say that earlier events of its step and later ones don't count.
    private var resumes: Bool

    /// Makes the folder if need be, and a new file in it.
    ///
    /// - Throws: ``RunError`` with code `unwritable`.
    public init(folder: URL) throws {
        let manager = FileManager.default
        let prefix = "events.out.tfevents."
        do {
            try manager.createDirectory(at: folder, withIntermediateDirectories: true)
            let others = try manager.contentsOfDirectory(atPath: folder.path(percentEncoded: false))
                .filter { $0.hasPrefix(prefix) }
            // TensorBoard reads the files in the order of their names, which therefore must not go back.
            let last = others.compactMap { Int($0.dropFirst(prefix.count).prefix { $0.isNumber }) }.max()
            let time = max(Int(Date().timeIntervalSince1970), last.map { $0 + 1 } ?? 0)
            let name =
                "\(prefix)\(time).\(ProcessInfo.processInfo.hostName).\(ProcessInfo.processInfo.processIdentifier)"
            resumes = !others.isEmpty
            file = folder.appending(path: name)
            try Data().write(to: file, options: .withoutOverwriting)
            handle = try FileHandle(forWritingTo: file)
        } catch {
            throw RunError(
                .unwritable,
                "No TensorBoard file can be made in \(folder.path(percentEncoded: false)): \(words(of: error))"
            )
        }
        var event = Event(step: nil)
        event.message.add(3, string: "brain.Event:2")
        try write(event)
    }

    /// Appends one value for each tag at `step`. Values are stored with 32 bits, as TensorBoard has them.
    ///
    /// - Throws: ``RunError`` with code `unwritable`, as on a full disk.
    public mutating func scalars(_ values: [String: Double], step: Int) throws {
        if values.isEmpty { return }
        if resumes {
            resumes = false
            var session = Message()
            session.add(1, integer: 1)  // SessionLog.status = START
            var event = Event(step: step)
            event.message.add(7, message: session)
            try write(event)
        }
        var summary = Message()
        for (tag, value) in values.sorted(by: { $0.key < $1.key }) {
            var item = Message()
            item.add(1, string: tag)
            item.add(2, float: Float(value))
            summary.add(1, message: item)
        }
        var event = Event(step: step)
        event.message.add(5, message: summary)
        try write(event)
    }

    private func write(_ event: Event) throws {
        do {
            try handle.write(contentsOf: Self.record(event.message.bytes))
        } catch {
            throw RunError(
                .unwritable,
                "\(file.path(percentEncoded: false)) can't be written: \(words(of: error))")
        }
    }

    /// One TFRecord: length, masked CRC of the length, data, masked CRC of the data; integers little-endian.
    static func record(_ data: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(data.count))
        return length + littleEndian(maskedCRC(length)) + data + littleEndian(maskedCRC(data))
    }

    private static func maskedCRC(_ bytes: [UInt8]) -> UInt32 {
        let crc = crc32c(bytes)
        return ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
    }
}

/// The checksum CRC-32C (Castagnoli, RFC 3720).
func crc32c(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in (crc >> 8) ^ castagnoli[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
}

private let castagnoli: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in (crc >> 1) ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian, Array.init)
}

/// An `Event` with its time and step.
private struct Event {
    var message = Message()

    init(step: Int?) {
        message.add(1, double: Date().timeIntervalSince1970)
        if let step { message.add(2, integer: step) }
    }
}

/// A protobuf message in its wire format.
private struct Message {
    var bytes: [UInt8] = []

    mutating func add(_ field: Int, integer: Int) {
        varint(UInt64(field << 3))
        varint(UInt64(bitPattern: Int64(integer)))
    }

    mutating func add(_ field: Int, double: Double) {
        varint(UInt64(field << 3 | 1))
        bytes += littleEndian(double.bitPattern)
    }

    mutating func add(_ field: Int, float: Float) {
        varint(UInt64(field << 3 | 5))
        bytes += littleEndian(float.bitPattern)
    }

    mutating func add(_ field: Int, string: String) { add(field, content: Array(string.utf8)) }

    mutating func add(_ field: Int, message: Message) { add(field, content: message.bytes) }

    private mutating func add(_ field: Int, content: [UInt8]) {
        varint(UInt64(field << 3 | 2))
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func varint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}
