package schemas

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Moment is a point in time of this century, in microseconds since 1970; 0 says that it is absent. In JSON it is UTC with
// a fixed width, "2026-11-26T04:30:00.123456Z", so that texts compare like times.
type Moment int64

const (
	momentLayout = "2006-01-02T15:04:05.000000Z"

	firstMoment Moment = 946_684_800_000_000       // 2000-01-01T00:00:00.000000Z
	lastMoment  Moment = 4_102_444_800_000_000 - 1 // 2099-12-31T23:59:59.999999Z
)

// MomentOf is the moment of a time, to the microsecond.
func MomentOf(t time.Time) Moment { return Moment(t.UnixMicro()) }

// Time is the moment as a time in UTC; the zero time if it is absent.
func (m Moment) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m)).UTC()
}

// String is the moment as JSON has it.
func (m Moment) String() string { return string(m.append(nil)) }

// append writes the moment in momentLayout, by way of the layout that Go has a short cut for: a fifth of the time.
func (m Moment) append(b []byte) []byte {
	t := m.Time()
	b = t.AppendFormat(b, time.RFC3339)
	b[len(b)-1] = '.' // for the Z
	for micros, unit := t.Nanosecond()/1e3, 100_000; unit > 0; unit /= 10 {
		b = append(b, '0'+byte(micros/unit%10))
	}
	return append(b, 'Z')
}

// MarshalJSONTo implements [json.MarshalerTo].
func (m Moment) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(m.String()))
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (m *Moment) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	var text string
	if err := json.UnmarshalDecode(dec, &text); err != nil {
		return err
	}
	at, err := parseMoment(text)
	if err == nil {
		*m = at
	}
	return err
}

func parseMoment(text string) (Moment, error) {
	// RFC 3339 leaves the width to the writer, and Go's reader takes some more.
	if len(text) != len(momentLayout) || text[10] != 'T' || text[13] != ':' || text[19] != '.' || text[26] != 'Z' {
		return 0, errors.New("a moment has another form")
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, err
	}
	m := MomentOf(t)
	if m < firstMoment || m > lastMoment {
		return 0, errors.New("a moment is of this century")
	}
	return m, nil
}
