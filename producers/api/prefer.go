package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Wait returns how long the client would wait for an outcome, by its header Prefer (RFC 7240): "Prefer: wait=10" is
// 10 seconds. It is 0 where there is none, or none that can be read, for a preference is not a condition; and [MaxWait]
// at most.
func Wait(header http.Header) time.Duration {
	for _, line := range header.Values("Prefer") {
		for _, preference := range split(line, ',') {
			name, value, _ := strings.Cut(split(preference, ';')[0], "=") // parameters follow a semicolon
			if strings.EqualFold(strings.TrimSpace(name), "wait") {
				return seconds(strings.TrimSpace(value)) // the first counts
			}
		}
	}
	return 0
}

// seconds reads RFC 9110's delta-seconds, which may be quoted.
func seconds(text string) time.Duration {
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if most := int(MaxWait / time.Second); err != nil || n > most { // so many digits that it fits no int
		n = most
	}
	return time.Duration(n) * time.Second
}

// split cuts at a separator that is not within a quoted string. It returns at least one part.
func split(text string, separator byte) (parts []string) {
	quoted, from := false, 0
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case b == separator && !quoted:
			parts = append(parts, text[from:i])
			from = i + 1
		}
	}
	return append(parts, text[from:])
}
