package contracts_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"tiffin/producers/api"
	"tiffin/producers/problem"
	"tiffin/schemas"
)

// contract is openapi.yaml, beside the site that it describes.
type contract struct {
	*testing.T
	*site
	document map[string]any
	requests validator.Validator // takes what the document allows
	answers  validator.Validator // takes what the document names, and nothing else
	seen     map[string]bool     // "GET /orders/{orderId} 200 application/json": what was answered
	problems map[string]bool     // the types of all problems that were seen
}

func newContract(t *testing.T) *contract {
	t.Helper()
	c := &contract{T: t, site: newSite(), document: plain(t, schemas.OpenAPI()), seen: map[string]bool{}, problems: map[string]bool{}}
	parsed, err := libopenapi.NewDocument([]byte(schemas.OpenAPI()))
	if err != nil {
		t.Fatal(err)
	}
	open := func(options ...config.Option) validator.Validator {
		v, errs := validator.NewValidator(parsed, append(options, config.WithFormatAssertions())...)
		if len(errs) > 0 {
			t.Fatal(errors.Join(errs...))
		}
		t.Cleanup(v.Release)
		return v
	}
	c.requests = open()
	// What every answer has is described once, in words; and reasons are names of members, which the strict mode takes for unknown.
	c.answers = open(config.WithStrictMode(), config.WithStrictIgnorePaths("$.body.reasons.*"), config.WithStrictIgnoredHeadersExtra("X-Request-Id", "X-Content-Type-Options", "Cache-Control", "X-Accel-Buffering"))
	return c
}

// operation is one of the document's.
type operation struct {
	method, path string
	item         map[string]any // the path's
	it           map[string]any // its own
}

func (o operation) String() string { return o.method + " " + o.path }

// operations are all of the document's, by path.
func (c *contract) operations() (all []operation) {
	paths := c.document["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := paths[path].(map[string]any)
		for _, method := range slices.Sorted(maps.Keys(item)) {
			if method != "parameters" {
				all = append(all, operation{strings.ToUpper(method), path, item, item[method].(map[string]any)})
			}
		}
	}
	return all
}

// parameters are the operation's that are in this place: "path", "query", "header".
func (c *contract) parameters(o operation, in string) (found []map[string]any) {
	mine, _ := o.it["parameters"].([]any)
	shared, _ := o.item["parameters"].([]any)
	for _, p := range slices.Concat(shared, mine) {
		if parameter := resolved(c.document, p).(map[string]any); parameter["in"] == in {
			found = append(found, parameter)
		}
	}
	return found
}

// url is where to send the operation's request: with the parameters' examples in the path, and those in the query if given.
func (c *contract) url(o operation, query url.Values) string {
	path := o.path
	for _, p := range c.parameters(o, "path") {
		path = strings.ReplaceAll(path, "{"+p["name"].(string)+"}", url.PathEscape(p["example"].(string)))
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// examples are those of a media type, by name.
func examples(media any) map[string]any {
	found := map[string]any{}
	object, _ := media.(map[string]any)
	if one, ok := object["example"]; ok {
		found["one"] = one
	}
	several, _ := object["examples"].(map[string]any)
	for name, example := range several {
		found[name] = example.(map[string]any)["value"]
	}
	return found
}

// media is the media type of the operation's body, and what the document says of it.
func (c *contract) media(o operation) (name string, it map[string]any) {
	content, _ := at(c.document, "paths", o.path, strings.ToLower(o.method), "requestBody", "content").(map[string]any)
	for name, it := range content {
		return name, it.(map[string]any)
	}
	return "application/json", nil
}

// bodies are the examples of the operation's body, as they are sent; one that is empty, if it needs none.
func (c *contract) bodies(o operation) (all [][]byte) {
	body, _ := resolved(c.document, o.it["requestBody"]).(map[string]any)
	if body["required"] != true {
		all = append(all, nil)
	}
	media, it := c.media(o)
	found := examples(it)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if text, ok := found[name].(string); ok && media == api.MediaLines {
			all = append(all, []byte(text))
		} else {
			all = append(all, encode(c.T, found[name]))
		}
	}
	return all
}

// lineSchema is that of each line of the operation's body; nil if its body is none of lines.
func (c *contract) lineSchema(o operation) *jsonschema.Schema {
	media, _ := c.media(o)
	if media != api.MediaLines {
		return nil
	}
	return schemaAt(c.T, c.document, jsonschema.Draft2020, "paths/"+url.PathEscape(strings.ReplaceAll(o.path, "/", "~1"))+
		"/"+strings.ToLower(o.method)+"/requestBody/content/"+url.PathEscape(strings.ReplaceAll(media, "/", "~1"))+"/schema/contentSchema")
}

// allowed says whether the document allows a request of the operation's. Lines, which the validator takes for one text, are looked
// at one by one.
func (c *contract) allowed(o operation, target string, body []byte, headers ...string) (bool, []string) {
	schema, lines := c.lineSchema(o), body
	if schema != nil && len(body) > 0 {
		body = []byte(`"lines"`)
	}
	valid, faults := c.requests.ValidateHttpRequestSync(c.request(o, target, body, headers...))
	if schema == nil || !valid {
		return valid, texts(faults)
	}
	for line := range bytes.Lines(lines) {
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
		if err == nil {
			err = schema.Validate(value)
		}
		if err != nil {
			return false, []string{err.Error()}
		}
	}
	return true, nil
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// request makes one; headers are "Name: value". A body is JSON unless they say otherwise.
func request(method, target string, body []byte, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, bytes.NewReader(body))
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	return r
}

// request makes one of the operation's.
func (c *contract) request(o operation, target string, body []byte, headers ...string) *http.Request {
	if media, _ := c.media(o); len(body) > 0 {
		headers = append([]string{"Content-Type: " + media}, headers...)
	}
	return request(o.method, target, body, headers...)
}

// send sends a request. The answer has to be one that the document has; and what the API refuses for its form, the document
// must refuse, and nothing else.
func (c *contract) send(o operation, target string, body []byte, headers ...string) *httptest.ResponseRecorder {
	c.Helper()
	answer := c.exchange(o, c.request(o, target, body, headers...))
	valid, faults := c.allowed(o, target, body, headers...)
	if refused := answer.Code == http.StatusBadRequest || answer.Code == http.StatusUnsupportedMediaType; refused == valid {
		c.Errorf("%s %s %v %.300s: the API answers %d %s, and the document says %v", o.method, target, headers, body, answer.Code, answer.Body, faults)
	}
	return answer
}

// exchange sends a request and checks the answer against the document.
func (c *contract) exchange(o operation, r *http.Request) *httptest.ResponseRecorder {
	c.Helper()
	answer := httptest.NewRecorder()
	c.handler.ServeHTTP(answer, r)
	result := answer.Result()
	result.Body = io.NopCloser(bytes.NewReader(answer.Body.Bytes()))
	if valid, faults := c.answers.ValidateHttpResponse(r, result); !valid {
		c.Errorf("%s is answered with %d %v %s, and the document says %v", o, answer.Code, answer.Header(), answer.Body, texts(faults))
	}
	media, _, _ := strings.Cut(answer.Header().Get("Content-Type"), ";")
	c.seen[strings.TrimSpace(o.String()+" "+strconv.Itoa(answer.Code)+" "+media)] = true
	if declared := at(c.document, "paths", o.path, strings.ToLower(o.method), "responses", strconv.Itoa(answer.Code), "content"); declared == nil && answer.Body.Len() > 0 {
		c.Errorf("%s is answered with %d and %s, and the document has no content for that", o, answer.Code, answer.Body)
	}
	if media == problem.MediaType {
		c.problems[parse(c.T, answer.Body.Bytes()).(map[string]any)["type"].(string)] = true
	}
	return answer
}

func texts[E error](faults []E) (all []string) {
	for _, fault := range faults {
		all = append(all, fault.Error())
	}
	return all
}
