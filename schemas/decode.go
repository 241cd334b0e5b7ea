package schemas

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrUnknownType is what [Decode] wraps when no fact has that event type.
var ErrUnknownType = errors.New("unknown event type")

// Decode reads the JSON of a fact and validates it. Errors are ErrUnknownType or an [*Invalid]; then the fact
// is nil.
func Decode(eventType string, data []byte) (Fact, error) {
	k, found := find(eventType)
	if !found {
		return nil, fmt.Errorf("%w %q: see \"tiffin topics\" for those that exist", ErrUnknownType, eventType)
	}
	return k.decode(data)
}

// DecodeAs is [Decode] for a fact whose type is known. Errors are an [*Invalid]; then the fact is not to be used.
func DecodeAs[F Fact](data []byte) (F, error) {
	var fact F
	if err := Unmarshal(data, &fact); err != nil {
		return fact, err
	}
	return fact, fact.Validate()
}

// Encode validates a fact and writes its JSON. The same fact always gives the same bytes.
func Encode(fact Fact) ([]byte, error) {
	if err := fact.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", fact.EventType(), err)
	}
	return json.Marshal(fact)
}

// Unmarshal reads one JSON value into what the pointer points to, with the rules for facts: names are
// case-sensitive and come once per object, unknown members are ignored, the text is UTF-8. It does not validate.
// Errors are an [*Invalid] with the place of the first fault.
func Unmarshal(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	if err == nil {
		return nil
	}
	return invalid(err)
}

// InWords makes an [*Invalid] of the error of a package that reads JSON by rules of its own, if it wraps what the JSON library says: that
// is in words of Go. Other errors stay as they are.
func InWords(err error) error {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &semantic) || errors.As(err, &syntactic) {
		return invalid(err)
	}
	return err
}

// invalid says in words of JSON where a text is wrong, and what is wanted there.
func invalid(err error) error {
	var fault Fault
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic):
		fault = Fault{string(semantic.JSONPointer), wanted(semantic)}
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		fault = Fault{string(syntactic.JSONPointer), "must not come twice in one object"}
	case errors.As(err, &syntactic):
		fault = Fault{string(syntactic.JSONPointer), fmt.Sprintf("must be JSON: %v at byte %d", syntactic.Err, syntactic.ByteOffset)}
	default:
		fault = Fault{"", fmt.Sprintf("must be JSON: %v", err)}
	}
	return &Invalid{Faults: []Fault{fault}}
}

// wanted says in JSON's words what the Go type takes that the value did not fit.
func wanted(err *json.SemanticError) string {
	t := err.GoType
	switch {
	case t == nil:
		return "must be JSON of another kind"
	case t == reflect.TypeFor[OptionalID]():
		return "must be an id, or absent"
	case t == reflect.TypeFor[Moment]():
		return momentForm + ", or absent"
	case t.Kind() == reflect.String:
		return "must be a string"
	case errors.Is(err, strconv.ErrRange):
		return "must be a number that is less far from zero"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64:
		return "must be an integer, without fraction or exponent"
	case t.Kind() == reflect.Float64:
		return "must be a number"
	case t.Kind() == reflect.Slice:
		return "must be an array"
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "must be an object"
	case t.Kind() == reflect.Bool:
		return "must be true or false"
	default:
		return "must be JSON of another kind"
	}
}
