package gateway

import (
	"fmt"
	"io"
)

// MaxReply is the default for the largest size of a reply, in bytes: a thousand times the size of
// the API's replies.
const MaxReply = 1 << 20

// maxBody is the number of bytes of a reply that an error keeps. The error text quotes fewer.
const maxBody = 64 << 10

// tooLarge is the error of a reply that is longer than a limit in bytes.
type tooLarge int

func (t tooLarge) Error() string { return fmt.Sprintf("longer than %d bytes", int(t)) }

// readAll reads a body up to limit bytes and closes it. With an error it also returns the bytes
// read so far.
func readAll(body io.Reader, limit int) ([]byte, error) {
	defer closeBody(body)
	data, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = tooLarge(limit)
	}
	return data, err
}

func closeBody(body io.Reader) {
	if closer, ok := body.(io.Closer); ok {
		_ = closer.Close()
	}
}
