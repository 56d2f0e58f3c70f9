public import ArgumentParser
public import Evaluation

extension EvaluationMethod: ExpressibleByArgument {}
