package gateway

import (
	"encoding/json"
	"slices"
	"strings"
)

// AccessDeniedDetail explains a RAM denial.
type AccessDeniedDetail struct {
	AuthAction               string
	AuthPrincipalType        string
	AuthPrincipalDisplayName string
	AuthPrincipalOwnerId     string
	PolicyType               string
	NoPermissionType         string
	EncodedDiagnosticMessage string
}

// readDetail returns nil if raw is empty. Any other detail marks a RAM denial, even if it cannot be
// read and its fields stay empty.
func readDetail(raw []byte) *AccessDeniedDetail {
	whole := jsonValue(raw)
	if encoded := strings.TrimSpace(whole.text); whole.kind == text && json.Valid([]byte(encoded)) {
		return readDetail([]byte(encoded))
	}
	if whole.saysNothing() {
		return nil
	}
	var d detailReader
	// The fields before an error count.
	if err := eachField(raw, func(name string, raw []byte) { d.add(name, jsonValue(raw)) }); err == nil && !d.says {
		return nil
	}
	return &d.detail
}

// saysNothing also reports true for a string that contains an empty JSON value.
func (v value) saysNothing() bool {
	return slices.Contains([]string{"", "null", "false", "{}", "[]"}, strings.TrimSpace(v.text))
}

type detailReader struct {
	detail AccessDeniedDetail
	best   map[string]candidate
	says   bool // a field has a value, whether its name is known or not
}

func (d *detailReader) add(name string, v value) {
	if v.saysNothing() {
		return
	}
	d.says = true
	for known, field := range d.detail.fields() {
		if strings.EqualFold(name, known) {
			best := d.best[known]
			best.offer(name == known, v, 0)
			if d.best == nil {
				d.best = make(map[string]candidate)
			}
			d.best[known] = best
			*field = best.text
		}
	}
}

func (d *AccessDeniedDetail) fields() map[string]*string {
	return map[string]*string{
		"AuthAction":               &d.AuthAction,
		"AuthPrincipalType":        &d.AuthPrincipalType,
		"AuthPrincipalDisplayName": &d.AuthPrincipalDisplayName,
		"AuthPrincipalOwnerId":     &d.AuthPrincipalOwnerId,
		"PolicyType":               &d.PolicyType,
		"NoPermissionType":         &d.NoPermissionType,
		"EncodedDiagnosticMessage": &d.EncodedDiagnosticMessage,
	}
}
