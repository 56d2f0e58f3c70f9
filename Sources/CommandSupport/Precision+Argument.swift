public import ArgumentParser
public import LanguageModels

extension Precision: ExpressibleByArgument {}
