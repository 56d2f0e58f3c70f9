public import ArgumentParser
import StatefulTools
public import Training

/// How episodes become an update: a preset, and the parts of it that are switched alone.
struct RLRuleOptions: ParsableArguments {
    @Option(help: "paper (arXiv 2507.05065) or best.") var preset = RLPreset.best
    @Option(help: "Episodes from one start state.") var group: Int?
    @Option(help: "What a turn is compared with: turn, state or group.") var baseline: GRPORecipe.Baseline?
    @Option(help: "What advantages are divided by: group, batch or none.") var deviation: GRPORecipe.Deviation?
    @Option(help: "Play up to this many times the groups to find some that differ; 1 for none.")
    var dynamicSampling: Int?
    @Flag(inversion: .prefixedNo, help: "Choose start states near a pass rate of one half.")
    var byPassRate: Bool?
    @Option(help: "The weight of imitating the shortest solution where all episodes of a group fail.")
    var imitation: Double?
    @Option(help: "What a turn earns for bringing the state closer to the known solution; 0 for none.")
    var progress: Double?

    func validate() throws {
        if (group ?? 2) < 2 { throw ValidationError("--group must be at least 2: episodes are compared.") }
        if (dynamicSampling ?? 1) < 1 { throw ValidationError("--dynamic-sampling must be at least 1.") }
        for (name, value) in [("--imitation", imitation), ("--progress", progress)] where (value ?? 0) < 0 {
            throw ValidationError("\(name) must not be negative.")
        }
    }

    var recipe: GRPORecipe {
        var recipe = preset.recipe
        recipe.groupSize = group ?? recipe.groupSize
        recipe.baseline = baseline ?? recipe.baseline
        recipe.deviation = deviation ?? recipe.deviation
        recipe.dynamicSampling = dynamicSampling ?? recipe.dynamicSampling
        recipe.choosesByPassRate = byPassRate ?? recipe.choosesByPassRate
        recipe.imitation = imitation ?? recipe.imitation
        recipe.rewards.progress = progress ?? recipe.rewards.progress
        return recipe
    }
}

extension GRPORecipe.Baseline: ExpressibleByArgument {}
extension GRPORecipe.Deviation: ExpressibleByArgument {}
