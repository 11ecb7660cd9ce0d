package maintenancetest

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// reply is a reply as it is sent.
type reply struct {
	status      int
	contentType string
	body        []byte
	code        string // of a failure
}

func (x *exchange) reply() reply {
	status, code, document := http.StatusOK, "", x.result
	if f := x.failure; f != nil {
		status, code = f.status, f.code
		refusal := map[string]any{
			"Code":      f.code,
			"Message":   f.message,
			"RequestId": x.requestID,
			"HostId":    x.request.Host,
			"Recommend": "https://api.aliyun.com/troubleshoot?q=" + url.QueryEscape(f.code) + "&product=ecd",
		}
		if f.code == codeDenied {
			refusal["AccessDeniedDetail"] = accessDeniedDetail(x.action)
		}
		document = refusal
	}
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // documents are maps, slices and structs of strings and numbers
	}
	return reply{status: status, contentType: "application/json;charset=utf-8", body: body, code: code}
}
