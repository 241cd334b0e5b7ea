package api

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// contract shows one of the documents that describe Tiffin, as RFC 9512 has YAML.
func contract(document string) echo.HandlerFunc {
	return func(c echo.Context) error {
		return c.Stream(http.StatusOK, "application/yaml", strings.NewReader(document))
	}
}
