import CTorch
import Synchronization

/// Calls `body` with the numbers below `count`, as many at a time as there are threads, each call on one thread.
///
/// Long computations that do not depend on each other then do not wait for each other after every operation. A single
/// one has all threads.
///
/// - Returns: The results in the numbers' order.
/// - Throws: The error of the first call that failed, after all have ended.
public func concurrently<Result: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) throws -> Result
) throws -> [Result] {
    let results = Results<Result>(count)
    let work = Work { index in
        let result = Swift.Result { try body(index) }
        results.values.withLock { $0[index] = result }
    }
    try withExtendedLifetime(work) {
        let call: @convention(c) (UnsafeMutableRawPointer?, Int) -> Void = { context, index in
            guard let context else { return }
            Unmanaged<Work>.fromOpaque(context).takeUnretainedValue().body(index)
        }
        try check(ct_concurrently(count, call, Unmanaged.passUnretained(work).toOpaque()))
    }
    return try results.values.withLock { try $0.compactMap { try $0?.get() } }
}

private final class Results<Element: Sendable>: Sendable {
    let values: Mutex<[Result<Element, any Error>?]>

    init(_ count: Int) { values = Mutex(Array(repeating: nil, count: count)) }
}

/// The closure that C code calls back.
private final class Work: Sendable {
    let body: @Sendable (Int) -> Void

    init(_ body: @escaping @Sendable (Int) -> Void) { self.body = body }
}
