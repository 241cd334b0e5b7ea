package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// contract shows one of the documents that describe Tiffin, as RFC 9512 has YAML.
func contract(document string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return c.Stream(http.StatusOK, "application/yaml", strings.NewReader(document))
	}
}

// front shows who comes with nothing but the address the ways on, and how to order where orders are taken.
func front(c echo.Context) error {
	text := `This is Tiffin: likes, orders and payments, accepted at once.

  /openapi.yaml   what there is to call
  /asyncapi.yaml  what travels over Kafka
  /readyz         can the process do its work?
`
	if slices.ContainsFunc(c.Echo().Routes(), func(r *echo.Route) bool { return r.Method == http.MethodPost && r.Path == "/orders" }) {
		text += fmt.Sprintf(`
Order a meal, and follow its Location:

  curl -i %s://%s/orders \
    -H 'Content-Type: application/json' \
    -d '{"customerId":"alice","restaurantId":"annapurna",
         "items":[{"sku":"masala-dosa","quantity":2}]}'
`, c.Scheme(), c.Request().Host)
	}
	return c.String(http.StatusOK, text)
}
