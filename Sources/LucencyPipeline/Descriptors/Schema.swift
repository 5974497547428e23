import LucencyFoundation

extension ParameterDescription {
    /// For `lucency stages --json`.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(name), "type": .string(type), "help": .string(help), "required": .bool(defaultValue == nil),
        ]
        if let defaultValue { members["default"] = defaultValue }
        if let range { members["range"] = .string(range) }
        return .object(members)
    }
}

extension Catalog {
    /// Everything that `lucency stages --json` says.
    public var json: JSONValue {
        func ports(_ ports: [Port]) -> JSONValue {
            .array(
                ports.map { port in
                    var members: [String: JSONValue] = [
                        "name": .string(port.name), "type": .string(port.type.name), "optional": .bool(port.isOptional),
                    ]
                    if let group = port.group { members["group"] = .string(group) }
                    return .object(members)
                })
        }
        func entry(
            _ about: StageAbout, _ kind: String, _ parameters: [ParameterDescription], _ more: [String: JSONValue]
        ) -> JSONValue {
            var members: [String: JSONValue] = [
                "id": .string(about.id), "kind": .string(kind), "summary": .string(about.summary),
                "revision": .integer(about.revision), "parameters": .array(parameters.map(\.json)),
            ]
            if let source = about.source { members["source"] = .string(source) }
            return .object(members.merging(more) { $1 })
        }
        return [
            "sources": .array(sources.map { entry($0.about, "source", $0.parameters, [:]) }),
            "stages": .array(
                stages.map { stage in
                    let forms = stage.forms.map { form -> JSONValue in
                        ["inputs": ports(form.inputs), "outputs": ports(form.outputs)]
                    }
                    return entry(
                        stage.about, "stage", stage.parameters,
                        ["forms": .array(forms), "random": .bool(stage.isRandom)])
                }),
            "collectors": .array(
                collectors.map {
                    entry(
                        $0.about, "collector", $0.parameters,
                        ["forms": [["inputs": ports($0.inputs), "outputs": ports($0.outputs)]]])
                }),
            "components": .array(
                components.map { kind in
                    [
                        "kind": .string(kind.name),
                        "entries": .array(
                            kind.entries.map {
                                [
                                    "id": .string($0.id), "summary": .string($0.summary),
                                    "parameters": .array($0.parameters.map(\.json)),
                                ]
                            }),
                    ]
                }),
            "writers": .array(
                writers.map {
                    [
                        "type": .string($0.type.name), "extensions": .array($0.fileExtensions.map { .string($0) }),
                        "summary": .string($0.summary), "parameters": .array($0.parameters.map(\.json)),
                    ]
                }),
        ]
    }

    /// The JSON Schema (draft 2020-12) of the pipeline format with all stages, so that editors complete and check.
    public var schema: JSONValue {
        let reference: JSONValue = [
            "type": "string", "description": "a parameter or variant: $name", "pattern": "^\\$",
        ]
        func use(_ id: String, _ summary: String, _ parameters: [ParameterDescription], _ more: [String: JSONValue])
            -> JSONValue
        {
            let properties: [String: JSONValue] = [
                "uses": ["const": .string(id), "description": .string(summary)], "with": objectSchema(parameters),
            ]
            return [
                "type": "object", "required": ["uses"], "additionalProperties": false,
                "properties": .object(properties.merging(more) { $1 }),
            ]
        }
        let input: JSONValue = [
            "description": "STAGE, STAGE.PORT, or a mapping from ports to those",
            "oneOf": [["type": "string"], ["type": "object", "additionalProperties": ["type": "string"]]],
        ]
        let over: JSONValue = ["oneOf": [["type": "array", "items": ["type": "string"]], ["type": "string"]]]
        let like: JSONValue = [
            "type": "object", "required": ["like"], "additionalProperties": false,
            "properties": ["like": ["type": "string"], "in": input, "with": ["type": "object"], "over": over],
        ]
        let likeSource: JSONValue = [
            "type": "object", "required": ["like"], "additionalProperties": false,
            "properties": ["like": ["type": "string"], "with": ["type": "object"]],
        ]
        let sourceForms = sources.map { use($0.about.id, $0.about.summary, $0.parameters, [:]) }
        let stageForms =
            stages.map { use($0.about.id, $0.about.summary, $0.parameters, ["in": input]) }
            + collectors.map { use($0.about.id, $0.about.summary, $0.parameters, ["in": input, "over": over]) }
        let variable: JSONValue = [
            "type": "object", "required": ["uses"],
            "properties": ["uses": reference, "in": input, "with": ["type": "object"], "over": over],
        ]
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Lucency pipeline", "type": "object",
            "required": ["lucency", "outputs"], "additionalProperties": false,
            "properties": [
                "lucency": ["const": 1, "description": "format version"], "name": ["type": "string"],
                "summary": ["type": "string"], "seed": ["type": "integer", "minimum": 0],
                "parameters": ["type": "object"],
                "variants": ["type": "object", "additionalProperties": ["type": ["object", "array"]]],
                "sources": [
                    "type": "object",
                    "additionalProperties": ["oneOf": .array(sourceForms + [likeSource, reference, variable])],
                ],
                "stages": [
                    "type": "object",
                    "additionalProperties": ["oneOf": .array(stageForms + [like, reference, variable])],
                ],
                "outputs": [
                    "type": "object",
                    "additionalProperties": [
                        "type": "object", "required": ["from", "as"], "additionalProperties": false,
                        "properties": [
                            "from": ["type": "string", "description": "STAGE or STAGE.PORT"],
                            "as": [
                                "type": "string",
                                "description":
                                    "path below --output with {stem}, {name}, {relative}, {index}, {variant}",
                            ],
                            "with": ["type": "object", "description": "options of the writer"],
                        ],
                    ],
                ],
            ],
        ]
    }
}
