/// Linear layers that read the same input; their weights lie below one another, so that they are one product.
enum LinearGroup: Int, CaseIterable {
    case queryKeyValue, output, gateUp, down

    var modules: [LinearModule] {
        switch self {
        case .queryKeyValue: [.query, .key, .value]
        case .output: [.output]
        case .gateUp: [.gate, .up]
        case .down: [.down]
        }
    }
}
