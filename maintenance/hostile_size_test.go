package maintenance_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const mebibyte = 1 << 20

// TestHostile_Size is not parallel, because it measures the memory of the whole process. The peers themselves
// allocate very little: they send the same bytes until the connection is closed, or ten gibibytes of them.
func TestHostile_Size(t *testing.T) {
	skipIfShort(t)
	filler := bytes.Repeat([]byte(" "), mebibyte)
	for _, tc := range []struct {
		name     string
		head     string
		repeated []byte
		limit    int // of all allocations of a call, in bytes
		says     string
	}{
		{"endless body", "HTTP/1.1 200 OK\r\n\r\n", filler, 16 * mebibyte, "longer than 1048576 bytes"},
		{"endless body in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(filler), 16 * mebibyte, "longer than 1048576 bytes"},
		{"10 GiB of Content-Length", "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", filler, 16 * mebibyte, "longer than 1048576 bytes"},
		{"gzip bomb", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzipped(t, filler), 16 * mebibyte, "longer than 1048576 bytes"},
		{"endless error", "HTTP/1.1 404 Not Found\r\n\r\n", filler, 16 * mebibyte, "HTTP 404.*longer than 1048576 bytes"},
		{"endless redirect", "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\n\r\n", filler, 16 * mebibyte, "HTTP 307.*longer than 1048576 bytes"},
		{"1 MiB of headers", "HTTP/1.1 200 OK\r\n", []byte(strings.Repeat("X-Filler: "+strings.Repeat("a", 1000)+"\r\n", 1000)), mebibyte, "headers.*65536 bytes"},
		{"header line that does not end", "HTTP/1.1 200 OK\r\nX-Filler: ", filler, mebibyte, "headers.*65536 bytes"},
		{"informational replies without end", "", []byte("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), 4 * mebibyte, "headers.*65536 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			peer := newRawPeer(t, nil, func(c *rawConn) {
				if !c.request() {
					return
				}
				c.say(tc.head)
				for sent := int64(0); sent < 10<<30; sent += int64(len(tc.repeated)) {
					if _, err := c.Write(tc.repeated); err != nil {
						return
					}
				}
			})
			client := clientOf(t, peer)
			var err error
			total := allocated(func() { err = enter(t.Context(), client) })
			verdict{1, !strings.Contains(tc.head, "404") && !strings.Contains(tc.head, "307"), tc.says}.check(t, err)
			var odd *maintenance.ResponseError
			require.ErrorAs(t, err, &odd)
			assert.Less(t, total, uint64(tc.limit), "bytes allocated")
			assert.EqualValues(t, 1, peer.requests.Load(), "requests")
		})
	}
}

// HTTP/2 reports too many headers only as a protocol error, which may have another cause, so the call is retried.
func TestHostile_SizeOfHeadersInHTTP2(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	client, requests := servingHTTP(t, 2, func(w http.ResponseWriter, r *http.Request) {
		for i := range 1000 {
			w.Header().Set(fmt.Sprint("X-Filler-", i), strings.Repeat("a", 1000))
		}
		replying(200, contentJSON, okBody)(w, r)
	})
	err := enter(t.Context(), client)
	verdict{3, true, "unexpected response: .*PROTOCOL_ERROR"}.check(t, err)
	var odd *maintenance.ResponseError
	require.ErrorAs(t, err, &odd)
	assert.EqualValues(t, 3, requests.Load(), "requests")
}

// A small reply of the same form is accepted; otherwise TestHostile_Size would prove nothing.
func TestHostile_SizeOfAnHonestReply(t *testing.T) {
	t.Parallel()
	body := gzipped(t, []byte(okBody))
	client, _ := serving(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "gzip", r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(body)
	})
	require.NoError(t, enter(t.Context(), client))
}

// allocated returns the number of bytes that do allocates in total, freed or not: an upper bound of the memory in
// use.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// gzipped returns one member of a gzip file; several in a row are a gzip file too.
func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

// chunk returns data in one chunk of a chunked body.
func chunk(data []byte) []byte {
	return fmt.Appendf(nil, "%x\r\n%s\r\n", len(data), data)
}
