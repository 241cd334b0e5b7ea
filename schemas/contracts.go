package schemas

import _ "embed" // for the documents below

// The documents are never written to. Package internal/contracts says how they are kept true to the code.
var (
	//go:embed openapi.yaml
	openAPI string
	//go:embed asyncapi.yaml
	asyncAPI string
)

// OpenAPI returns the contract of the HTTP APIs, an OpenAPI 3.1 document in YAML.
func OpenAPI() string { return openAPI }

// AsyncAPI returns the contract of what travels over Kafka, an AsyncAPI 3.0 document in YAML.
func AsyncAPI() string { return asyncAPI }
