package api_test

import (
	"net/http/httptest"
	"testing"

	"tiffin/producers/api"
	"tiffin/schemas"
)

func TestContractsAreServed(t *testing.T) {
	e := api.New(api.Config{})
	for path, want := range map[string]string{"/openapi.yaml": schemas.OpenAPI(), "/asyncapi.yaml": schemas.AsyncAPI()} {
		response := httptest.NewRecorder()
		e.ServeHTTP(response, httptest.NewRequest("GET", path, nil))
		if response.Code != 200 || response.Header().Get("Content-Type") != "application/yaml" || response.Body.String() != want || want == "" {
			t.Errorf("%s: %d %v, %d bytes of %d", path, response.Code, response.Header(), response.Body.Len(), len(want))
		}
	}
}
