import Foundation

/// What is wrong with a message, field by field, in the words of OpenEnv's reference server (Pydantic's).
package struct ValidationFailure: Error, Encodable {
    package struct Item: Encodable {
        package var type: String
        package var loc: [String]
        package var msg: String
    }

    package var errors: [Item]

    package init(_ type: String, at loc: [String], _ message: String) {
        errors = [Item(type: type, loc: loc, msg: message)]
    }
}

/// Any key of a JSON object.
package struct AnyKey: CodingKey {
    package var stringValue: String
    package var intValue: Int? { nil }
    package init(stringValue: String) { self.stringValue = stringValue }
    package init?(intValue: Int) { return nil }
}

/// Reads the fields of a JSON object and says of each what is wrong with it.
package struct Fields {
    package let container: KeyedDecodingContainer<AnyKey>
    package let path: [String]

    package init(_ decoder: any Decoder, at path: [String] = []) throws {
        guard let container = try? decoder.container(keyedBy: AnyKey.self) else {
            throw ValidationFailure("dict_type", at: path, "Input should be an object")
        }
        self.container = container
        self.path = path
    }

    package init(_ container: KeyedDecodingContainer<AnyKey>, at path: [String]) {
        self.container = container
        self.path = path
    }

    package func optional<Value: Decodable>(_ key: String, _ type: Value.Type, _ what: String) throws -> Value? {
        let key = AnyKey(stringValue: key)
        guard container.contains(key) else { return nil }
        do {
            return try container.decodeIfPresent(type, forKey: key)
        } catch let failure as ValidationFailure {
            throw failure
        } catch {
            throw ValidationFailure("\(what)_type", at: path + [key.stringValue], "Input should be a valid \(what)")
        }
    }

    package func required<Value: Decodable>(_ key: String, _ type: Value.Type, _ what: String) throws -> Value {
        guard let value = try optional(key, type, what) else {
            throw ValidationFailure("missing", at: path + [key], "Field required")
        }
        return value
    }

    /// The fields of an object in this one; nil where there is none.
    package func object(_ key: String) throws -> Fields? {
        let coding = AnyKey(stringValue: key)
        guard container.contains(coding), (try? container.decodeNil(forKey: coding)) != true else { return nil }
        guard let nested = try? container.nestedContainer(keyedBy: AnyKey.self, forKey: coding) else {
            throw ValidationFailure("dict_type", at: path + [key], "Input should be an object")
        }
        return Fields(nested, at: path + [key])
    }

    /// Whether a field is missing, null or an empty list.
    package func isEmpty(_ key: String) -> Bool {
        let key = AnyKey(stringValue: key)
        guard container.contains(key), (try? container.decodeNil(forKey: key)) != true else { return true }
        return (try? container.nestedUnkeyedContainer(forKey: key))?.isAtEnd == true
    }

    package func refuse(otherThan known: Set<String>) throws {
        let other = container.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
        guard let first = other.first else { return }
        var failure = ValidationFailure("extra_forbidden", at: path + [first], "Extra inputs are not permitted")
        failure.errors += other.dropFirst().map {
            .init(type: "extra_forbidden", loc: path + [$0], msg: "Extra inputs are not permitted")
        }
        throw failure
    }

    package func limited(_ key: String, to count: Int) throws -> String? {
        let value = try optional(key, String.self, "string")
        if let value, value.utf8.count > count {
            throw ValidationFailure(
                "string_too_long", at: path + [key], "String should have at most \(count) characters")
        }
        return value
    }
}
