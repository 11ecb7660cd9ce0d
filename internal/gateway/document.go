package gateway

import (
	"bytes"
	"cmp"
	"strings"
)

// document holds the fields of a reply that the gateway reads. A peer may send a field with another
// JSON type, in another letter case, or several times: an error code is found all the same.
type document struct {
	code, message, requestID, hostID, recommend candidate
	detail                                      *AccessDeniedDetail

	oddCode bool // a Code is neither a string nor a number
	failed  bool // a Success is false
}

// readDocument reads JSON or, from some layers of the service, XML.
func readDocument(body []byte) (*document, error) {
	d := new(document)
	if isXML(body) {
		return d, d.readXML(body)
	}
	return d, eachField(body, func(name string, raw []byte) {
		if strings.EqualFold(name, "AccessDeniedDetail") {
			d.detail = cmp.Or(readDetail(raw), d.detail)
			return
		}
		d.add(name, jsonValue(raw))
	})
}

func isXML(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

func (d *document) add(name string, v value) {
	is := func(field string) bool { return strings.EqualFold(name, field) }
	word := value{strings.TrimSpace(v.text), v.kind}
	if v.kind == other {
		word.text = "" // an object is neither a code nor an ID
	}
	switch {
	case is("Code"):
		d.oddCode = d.oddCode || v.kind == other
		d.code.offer(name == "Code", word, codeRank(word))
	case is("Success"):
		d.failed = d.failed || strings.EqualFold(strings.TrimSpace(v.text), "false")
	case is("RequestId"):
		d.requestID.offer(name == "RequestId", word, 0)
	case is("HostId"):
		d.hostID.offer(name == "HostId", word, 0)
	case is("Message"):
		d.message.offer(name == "Message", v, 0)
	case is("Recommend"):
		d.recommend.offer(name == "Recommend", v, 0)
	}
}

// hasErrorCode reports whether the document of a 2xx is an error.
func (d *document) hasErrorCode() bool { return d.code.text != "" && !saysSuccess(d.code.text) }

func saysSuccess(code string) bool {
	return code == "200" || strings.EqualFold(code, "OK") || strings.EqualFold(code, "Success")
}

// codeRank ranks a real code above a number such as the HTTP status, and a number above a code of
// success.
func codeRank(code value) int {
	switch {
	case saysSuccess(code.text):
		return 0
	case code.kind == number, strings.Trim(code.text, "0123456789") == "":
		return 1
	}
	return 2
}

// candidate is the best value so far for one field.
type candidate struct {
	text string
	rank int
}

// offer replaces the candidate with v unless v is empty or worse. A higher rank is better, then a
// string, then the API's own spelling of the name.
func (c *candidate) offer(exact bool, v value, rank int) {
	rank *= 4
	if v.kind == text {
		rank += 2
	}
	if exact {
		rank++
	}
	if strings.TrimSpace(v.text) != "" && rank >= c.rank {
		*c = candidate{v.text, rank}
	}
}
