public import ArgumentParser
public import Training

extension GRPORecipe.Baseline: ExpressibleByArgument {}
extension GRPORecipe.Deviation: ExpressibleByArgument {}
extension GRPORecipe.Loss: ExpressibleByArgument {}
