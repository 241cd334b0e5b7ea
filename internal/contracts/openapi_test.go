package contracts_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tiffin/producers/door"
	"tiffin/producers/likes"
)

// TestOpenAPIIsValid, by the standard's own schema, and holds all that it refers to.
func TestOpenAPIIsValid(t *testing.T) {
	c := newContract(t)
	if valid, faults := c.requests.ValidateDocument(); !valid {
		t.Error(texts(faults))
	}
	for _, place := range references(c.document) {
		if at(c.document, pointer(place)...) == nil {
			t.Errorf("%s leads nowhere", place)
		}
	}
}

// TestOpenAPIUsesWhatItHas: what nothing refers to describes nothing.
func TestOpenAPIUsesWhatItHas(t *testing.T) {
	c := newContract(t)
	used := references(c.document)
	for kind, components := range c.document["components"].(map[string]any) {
		for name := range components.(map[string]any) {
			if !slices.Contains(used, "#/components/"+kind+"/"+name) {
				t.Errorf("nothing refers to components/%s/%s", kind, name)
			}
		}
	}
}

// TestOpenAPIHasEveryRoute, and no other, but for HEAD, of which it says once that it is answered wherever GET is.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	c := newContract(t)
	var got, want []string
	for _, o := range c.operations() {
		got = append(got, o.String())
	}
	for _, route := range c.handler.Routes() {
		if route.Method == http.MethodHead {
			continue
		}
		want = append(want, route.Method+" "+regexp.MustCompile(`:(\w+)`).ReplaceAllString(route.Path, "{$1}"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the document has\n%s\nand the APIs\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestOpenAPIHasValidExamples, wherever it has some.
func TestOpenAPIHasValidExamples(t *testing.T) {
	c, checked := newContract(t), 0
	var walk func(place string, value any)
	walk = func(place string, value any) {
		switch v := value.(type) {
		case map[string]any:
			if _, has := v["schema"]; has {
				schema := schemaAt(t, c.document, jsonschema.Draft2020, place+"/schema")
				for name, example := range examples(v) {
					checked++
					if err := schema.Validate(example); err != nil {
						t.Errorf("%s, example %s: %v", place, name, err)
					}
				}
			}
			for name, member := range v {
				walk(place+"/"+url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(name)), member)
			}
		case []any:
			for i, element := range v {
				walk(place+"/"+strconv.Itoa(i), element)
			}
		}
	}
	for _, part := range []string{"paths", "components"} {
		walk(part, c.document[part])
	}
	if checked < 20 {
		t.Errorf("%d examples", checked)
	}
}

// TestTheAPIsAnswerAsOpenAPISays drives every operation into every answer that the document has for it, with the examples
// that it gives, and checks what is answered. An answer that is in the document and never comes fails the test as well as one
// that comes and is not in the document.
func TestTheAPIsAnswerAsOpenAPISays(t *testing.T) {
	c := newContract(t)
	for _, o := range c.operations() {
		responses := o.it["responses"].(map[string]any)
		c.plainly(o)
		c.following(o)
		c.misled(o)
		c.repeated(o)
		for name := range responses {
			code, err := strconv.Atoi(name)
			if err != nil {
				t.Fatalf("%s has the response %s", o, name)
			}
			c.badly(o, code)
			content, _ := at(c.document, "paths", o.path, strings.ToLower(o.method), "responses", name, "content").(map[string]any)
			if len(content) == 0 {
				content = map[string]any{"": nil}
			}
			for media := range content {
				if !c.seen[strings.TrimSpace(o.String()+" "+name+" "+media)] {
					t.Errorf("%s is never answered with %s %s", o, name, media)
				}
			}
		}
	}
	c.missing = errors.New("connection refused")
	c.send(operation{method: "GET", path: "/readyz"}, "/readyz", nil)
	c.elsewhere()
}

// elsewhere asks for what is not there: no operation has such answers.
func (c *contract) elsewhere() {
	for target, want := range map[string]int{"/nowhere": http.StatusNotFound, "/livez": http.StatusMethodNotAllowed} {
		answer := httptest.NewRecorder()
		c.handler.ServeHTTP(answer, request("DELETE", target, nil))
		body := parse(c.T, answer.Body.Bytes())
		if err := schemaAt(c.T, c.document, jsonschema.Draft2020, "components/schemas/Problem").Validate(body); answer.Code != want || err != nil {
			c.Errorf("DELETE %s: %d %s %v", target, answer.Code, answer.Body, err)
		}
		c.problems[body.(map[string]any)["type"].(string)] = true
	}
	declared := map[string]bool{}
	for _, kind := range at(c.document, "components", "schemas", "Problem", "properties", "type", "enum").([]any) {
		declared[kind.(string)] = true
	}
	if !maps.Equal(c.problems, declared) {
		c.Errorf("the document has the problems\n%v, and these were seen\n%v", slices.Sorted(maps.Keys(declared)), slices.Sorted(maps.Keys(c.problems)))
	}
}

// shown are the examples of what the operation shows.
func (c *contract) shown(o operation) map[string]any {
	return examples(at(c.document, "paths", o.path, strings.ToLower(o.method), "responses", "200", "content", "application/json"))
}

// plainly sends each example of a body, and lets the readers find each example of an answer, which must come as it is.
func (c *contract) plainly(o operation) {
	for _, body := range c.bodies(o) {
		answer := c.send(o, c.url(o, nil), body)
		if answer.Code >= 300 && o.method != http.MethodGet {
			c.Errorf("%s %s is answered with %d %s", o, body, answer.Code, answer.Body)
		}
		if to := answer.Header().Get("Location"); to != "" && answer.Code == http.StatusAccepted {
			if valid, faults := c.requests.ValidateHttpRequestSync(request("GET", to, nil)); !valid {
				c.Errorf("%s leads to %s: %v", o, to, texts(faults))
			}
		}
	}
	for name, example := range c.shown(o) {
		c.found = encode(c.T, example)
		answer := c.send(o, c.url(o, nil), nil)
		if got := parse(c.T, answer.Body.Bytes()); !reflect.DeepEqual(got, parse(c.T, c.found)) {
			c.Errorf("%s, example %s: the API can't answer\n%s, but\n%s", o, name, c.found, answer.Body)
		}
		for _, p := range c.parameters(o, "header") {
			c.send(o, c.url(o, nil), nil, p["name"].(string)+": "+p["example"].(string))
		}
		for _, p := range c.parameters(o, "query") {
			c.send(o, c.url(o, url.Values{p["name"].(string): {fmt.Sprint(p["example"])}}), nil)
		}
	}
	c.found = nil
}

// following listens, where the document says that one can.
func (c *contract) following(o operation) {
	if at(c.document, "paths", o.path, strings.ToLower(o.method), "responses", "200", "content", "text/event-stream") == nil {
		return
	}
	resource := schemaAt(c.T, c.document, jsonschema.Draft2020,
		"paths/"+url.PathEscape(strings.ReplaceAll(o.path, "/", "~1"))+"/get/responses/200/content/application~1json/schema")
	event := regexp.MustCompile(`^id: (\S+)\nevent: ([a-z-]+)\ndata: (.*)\n\n$`)
	heard := false
	for name, example := range c.shown(o) {
		c.found = encode(c.T, example)
		answer := c.send(o, c.url(o, nil), nil, "Accept: text/event-stream")
		parts := event.FindSubmatch(answer.Body.Bytes())
		if parts == nil {
			c.Fatalf("%s, example %s: the stream is %q", o, name, answer.Body)
		}
		if err := resource.Validate(parse(c.T, parts[3])); err != nil || string(parts[2]) != example.(map[string]any)["status"] {
			c.Errorf("%s, example %s: the event is %q: %v", o, name, answer.Body, err)
		}
		again := c.send(o, c.url(o, nil), nil, "Accept: text/event-stream", "Last-Event-ID: "+string(parts[1]))
		heard = heard || again.Code == http.StatusNoContent
		waited := c.send(o, c.url(o, nil), nil, "Prefer: wait=1")
		if over := waited.Header().Get("Preference-Applied") != ""; over != (again.Code == http.StatusNoContent) {
			c.Errorf("%s, example %s: it is over for who listens, or for who waits", o, name)
		}
	}
	if !heard {
		c.Errorf("%s: none of the examples is an end", o)
	}
	c.found = nil
}

// misled sends what the document does not allow, or just allows; [contract.send] compares what both say to it.
func (c *contract) misled(o operation) {
	if shown := c.shown(o); len(shown) > 0 {
		c.found = encode(c.T, shown[slices.Sorted(maps.Keys(shown))[0]])
	}
	for _, p := range c.parameters(o, "path") {
		for _, text := range texts64 {
			target := strings.Replace(c.url(o, nil), p["example"].(string), url.PathEscape(text), 1)
			c.send(o, target, c.bodies(o)[0])
		}
	}
	for _, p := range c.parameters(o, "query") {
		for _, value := range c.variants(p["example"], p["schema"]) {
			c.send(o, c.url(o, url.Values{p["name"].(string): {fmt.Sprint(value)}}), nil)
		}
	}
	for _, p := range c.parameters(o, "header") {
		if p["name"] == "Idempotency-Key" {
			longest, tooLong := strings.Repeat("k", 255), strings.Repeat("k", 256)
			for _, key := range []string{
				longest, tooLong, `"` + longest + `"`, `"` + tooLong + `"`, "two words", `"two words"`, `"`, `""`,
				"a;b", "a,b", `a"b`, `"a"b"`, `"a\"b\\"`, `"a\b"`, "!~", "é",
			} {
				c.send(o, c.url(o, nil), c.bodies(o)[0], "Idempotency-Key: "+key)
			}
		}
	}
	if o.it["requestBody"] != nil {
		for _, body := range c.bodies(o) {
			if body == nil {
				continue
			}
			_, it := c.media(o)
			schema := it["schema"]
			if c.lineSchema(o) != nil {
				schema = schema.(map[string]any)["contentSchema"]
				body, _, _ = bytes.Cut(body, []byte("\n"))
			}
			for _, changed := range c.changes(parse(c.T, body), schema) {
				c.send(o, c.url(o, nil), encode(c.T, changed))
			}
		}
		c.send(o, c.url(o, nil), []byte(`{"`))
		c.send(o, c.url(o, nil), []byte(`{}`), "Content-Type: text/plain")
	}
	c.found = nil
}

// repeated sends requests again under the same key.
func (c *contract) repeated(o operation) {
	if !slices.ContainsFunc(c.parameters(o, "header"), func(p map[string]any) bool { return p["name"] == "Idempotency-Key" }) {
		return
	}
	body, target := c.bodies(o)[0], c.url(o, nil)
	other := append([]byte(" "), body...)
	if body == nil {
		other = []byte("{}")
	}
	first, second := c.send(o, target, body, "Idempotency-Key: repeated"), c.send(o, target, body, "Idempotency-Key: repeated")
	if second.Code != first.Code || second.Body.String() != first.Body.String() || second.Header().Get("Location") != first.Header().Get("Location") {
		c.Errorf("%s is answered with %d %s, and then with %d %s", o, first.Code, first.Body, second.Code, second.Body)
	}
	c.send(o, target, other, "Idempotency-Key: repeated")

	c.entered, c.release = make(chan struct{}), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.handler.ServeHTTP(httptest.NewRecorder(), c.request(o, target, body, "Idempotency-Key: under-way"))
	}()
	<-c.entered
	c.send(o, target, body, "Idempotency-Key: under-way")
	close(c.release)
	<-ended
	c.entered, c.release = nil, nil
}

// slow is a body that does not arrive in time.
type slow struct{}

func (slow) Read([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

// badly brings about an answer that is nobody's wish.
func (c *contract) badly(o operation, status int) {
	body, target := c.bodies(o)[0], c.url(o, nil)
	switch status {
	case http.StatusRequestTimeout:
		r := httptest.NewRequest(o.method, target, slow{})
		media, _ := c.media(o)
		r.Header.Set("Content-Type", media)
		c.exchange(o, r)
	case http.StatusRequestEntityTooLarge:
		c.exchange(o, c.request(o, target, []byte("{}"+strings.Repeat(" ", likes.MaxBatchBytes-1))))
	case http.StatusInternalServerError:
		c.throw = "a bug"
		c.send(o, target, body)
		c.throw = nil
	case http.StatusServiceUnavailable:
		c.err = fmt.Errorf("%w: Kafka is away", door.ErrUnavailable)
		c.send(o, target, body)
		c.err = nil
	}
}

// speakers are the APIs, and what they say when they are sent what the document gives as examples.
func speakers(t *testing.T) (apis []speaker) {
	t.Helper()
	c := newContract(t)
	for _, o := range c.operations() {
		for _, body := range c.bodies(o) {
			c.handler.ServeHTTP(httptest.NewRecorder(), c.request(o, c.url(o, nil), body))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.said)) {
		apis = append(apis, speaker{name, slices.Sorted(maps.Keys(c.said[name]))})
	}
	return apis
}
