package gateway

import (
	"fmt"
	"io"
)

// MaxReply is how much of a reply is read, in bytes: a thousand times what the API sends.
const MaxReply = 1 << 20

// maxBody is how much of a reply an error keeps, in bytes. Its user quotes less.
const maxBody = 64 << 10

var errTooLarge = fmt.Errorf("longer than %d bytes", MaxReply)

// readAll reads a body up to MaxReply bytes and closes it. With an error it returns what it has read.
func readAll(body io.Reader) ([]byte, error) {
	defer closeBody(body)
	data, err := io.ReadAll(io.LimitReader(body, MaxReply+1))
	if err == nil && len(data) > MaxReply {
		err = errTooLarge
	}
	return data, err
}

func closeBody(body io.Reader) {
	if closer, ok := body.(io.Closer); ok {
		_ = closer.Close()
	}
}
