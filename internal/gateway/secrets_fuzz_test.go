package gateway_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// escapes are ways to write a character.
var escapes = []string{
	"%c", "%c", "%c", "%%%02x", "%%%02X", "%%25%02x", `\u%04x`, `\\u%04X`, `\x%02x`, `\%03o`, `\u{%x}`,
	"&#%d;", "&#%d", "&#x%x;", "&#X%02X", "&amp;#%d;", "%%26%%23%d%%3b", "%c\n ", "%c%%0a", `%c\n`, "%c=\r\n",
}

// FuzzSecrets writes the characters of a token in different forms. At most its padding remains.
func FuzzSecrets(f *testing.F) {
	for seed := range uint64(100) {
		f.Add(seed, seed*37%1000)
	}
	f.Fuzz(func(t *testing.T, seed, size uint64) {
		random := rand.New(rand.NewPCG(seed, size))
		raw := make([]byte, 12+size%2000)
		for i := range raw {
			raw[i] = byte(random.Uint32())
		}
		token := base64.StdEncoding.EncodeToString(raw)
		one := escapes[random.IntN(len(escapes))]
		var text strings.Builder
		for _, c := range []byte(token) {
			escape := one
			if random.IntN(4) == 0 {
				escape = escapes[random.IntN(len(escapes))]
			}
			fmt.Fprintf(&text, escape, c)
		}
		shown := withhold(t, token, "before "+text.String()+" after")
		rest := strings.NewReplacer("before", "", "(withheld)", "", "after", "").Replace(shown)
		require.Less(t, len(rest), 40, "more than padding: %.200s", shown)
	})
}

func BenchmarkSecrets(b *testing.B) {
	token := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(stsToken, 8)[:768]))
	for name, reply := range map[string]roundTripper{
		"success":     answer(200, nil, `{"RequestId":"BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"}`),
		"throttled":   answer(429, nil, `{"Code":"Throttling.User","Message":"Request was denied due to user flow control.","RequestId":"BA6A1853-3EA9-5EEB-86C8-3D14A3E01905"}`),
		"1 MiB":       answer(400, nil, `{"Code":"X","Message":"`+strings.Repeat("ordinary text, ", 69_000)+`"}`),
		"1 MiB of it": answer(400, nil, `{"Code":"X","Message":"`+strings.Repeat("%25"+token[:900], 1_000)+`"}`),
	} {
		for _, key := range []string{"", token} {
			b.Run(fmt.Sprintf("%s/%d", name, len(key)), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = do(b.Context(), masked(key), reply)
				}
			})
		}
	}
}
