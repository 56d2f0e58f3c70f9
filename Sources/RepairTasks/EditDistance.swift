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
