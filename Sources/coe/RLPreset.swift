import ArgumentParser
import Training

/// The update rules that are known by name.
enum RLPreset: String, ExpressibleByArgument, CaseIterable {
    case paper, best

    var recipe: GRPORecipe { self == .paper ? .paper : .best }
}
