package gateway

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// readXML reads the children of a root Error. Elements within a child count as its text.
func (d *document) readXML(body []byte) error {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(body, []byte("?"))))
	decoder.Strict = false
	// Codes are ASCII, which nearly all encodings share.
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	x := xmlReader{document: d}
	for {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			x.start(t.Name.Local)
			if !strings.EqualFold(x.path[0], "Error") {
				return fmt.Errorf("expected element <Error>, found <%s>", x.path[0])
			}
		case xml.CharData:
			x.content.Write(t)
			x.part.Write(t)
		case xml.EndElement:
			if x.end(); len(x.path) == 0 {
				return nil
			}
		}
	}
}

type xmlReader struct {
	*document
	path    []string        // names of the open elements
	content strings.Builder // text of the open child of the root
	part    strings.Builder // text of the open element within that child
	detail  detailReader
}

func (x *xmlReader) start(name string) {
	x.path = append(x.path, name)
	switch len(x.path) {
	case 2:
		x.content.Reset()
		x.detail = detailReader{}
	case 3:
		x.part.Reset()
	}
}

func (x *xmlReader) end() {
	depth := len(x.path)
	name := x.path[depth-1]
	x.path = x.path[:depth-1]
	switch {
	case depth == 3:
		x.detail.add(name, value{x.part.String(), text})
	case depth == 2 && !strings.EqualFold(name, "AccessDeniedDetail"):
		x.add(name, value{x.content.String(), text})
	case depth == 2 && x.detail.says:
		read := x.detail.detail
		x.document.detail = &read
	case depth == 2:
		raw, _ := json.Marshal(x.content.String()) // a string can always be encoded
		x.document.detail = cmp.Or(readDetail(raw), x.document.detail)
	}
}
