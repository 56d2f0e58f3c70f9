public import PythonSandbox

/// The fewest characters (Unicode scalars) to insert, delete or replace that turn `first` into `second` (Levenshtein).
///
/// Time in the product of the lengths without their common ends.
public func editDistance(_ first: String, _ second: String) -> Int {
    var a = Array(first.unicodeScalars)[...]
    var b = Array(second.unicodeScalars)[...]
    while let x = a.first, x == b.first {
        a.removeFirst()
        b.removeFirst()
    }
    while let x = a.last, x == b.last {
        a.removeLast()
        b.removeLast()
    }
    if a.isEmpty || b.isEmpty { return a.count + b.count }
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let replaced = diagonal + (x == y ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
        }
    }
    return row[b.count]
}

extension RepairTask {
    /// This task with the program nearest to its faulty one as its reference: that of a task with the same tests, or its
    /// own. Nil where none is within `limit` characters (``editDistance(_:_:)``).
    ///
    /// - Parameter passing: correct programs (their references), by their tests.
    public func nearestReference(in passing: [TestSuite: [String]], within limit: Int) -> RepairTask? {
        var nearest: (distance: Int, program: String)?
        let length = program.unicodeScalars.count
        for candidate in (reference.map { [$0] } ?? []) + (passing[tests] ?? []) {
            // The difference of the lengths is the least that it takes.
            let bound = min(limit, (nearest?.distance ?? .max) - 1)
            if abs(candidate.unicodeScalars.count - length) > bound { continue }
            let distance = editDistance(program, candidate)
            if distance <= bound { nearest = (distance, candidate) }
        }
        guard let nearest else { return nil }
        var task = self
        task.reference = nearest.program
        return task
    }
}
