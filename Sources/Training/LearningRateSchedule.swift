import Foundation

/// Linear warm-up, then half a cosine down to a tenth.
struct LearningRateSchedule: Hashable, Sendable {
    var peak: Double
    var warmupSteps: Int
    var totalSteps: Int
    private static let floor = 0.1

    /// The rate of step `step`, from 1.
    func rate(_ step: Int) -> Double {
        if step <= warmupSteps { return peak * Double(step) / Double(warmupSteps) }
        let progress = Double(step - warmupSteps) / Double(max(1, totalSteps - warmupSteps))
        let cosine = (1 + cos(Double.pi * min(1, progress))) / 2
        return peak * (Self.floor + (1 - Self.floor) * cosine)
    }
}
