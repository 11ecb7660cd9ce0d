package gateway

import (
	"fmt"
	"io"
)

// MaxReply is how much of a reply is read by default, in bytes: a thousand times what the API sends.
const MaxReply = 1 << 20

// maxBody is how much of a reply an error keeps, in bytes. Its user quotes less.
const maxBody = 64 << 10

// tooLarge is the error of a reply that is longer than so many bytes.
type tooLarge int

func (t tooLarge) Error() string { return fmt.Sprintf("longer than %d bytes", int(t)) }

// readAll reads a body up to limit bytes and closes it. With an error it returns what it has read.
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
