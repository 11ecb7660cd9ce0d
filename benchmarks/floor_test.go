package benchmarks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/internal/sign"
)

// newFloor returns the cheapest possible call with net/http: it encodes, signs, sends and decodes, without any
// validation or error handling. Only the signature is this library's.
func newFloor(t target) (call, error) {
	client := &http.Client{Transport: t.transport}
	if t.transport == nil {
		client.Transport = &http.Transport{MaxIdleConnsPerHost: 64} // the default of 2 would open more connections
	}
	return func(ctx context.Context, ids []string) (string, error) {
		query := floorQuery(ids)
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.scheme+"://"+t.host+"/?"+query, nil)
		if err != nil {
			return "", err
		}
		headers := []sign.Pair{
			{Name: "X-Acs-Action", Value: "SetDesktopMaintenance"},
			{Name: "X-Acs-Content-Sha256", Value: sign.EmptyPayloadHash},
			{Name: "X-Acs-Date", Value: time.Now().UTC().Format(sign.DateLayout)},
			{Name: "X-Acs-Signature-Nonce", Value: rand.Text()},
			{Name: "X-Acs-Version", Value: "2020-09-30"},
		}
		for _, h := range headers {
			request.Header[h.Name] = []string{h.Value}
		}
		signed := sign.Request{
			Method:      http.MethodPost,
			Query:       query,
			Headers:     append(headers, sign.Pair{Name: "host", Value: t.host}),
			PayloadHash: sign.EmptyPayloadHash,
		}
		request.Header["Authorization"] = []string{signed.Sign(accessKeyID, accessKeySecret)}
		request.Header["Accept"] = []string{"application/json"}

		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return "", fmt.Errorf("HTTP %s", response.Status)
		}
		var reply struct{ RequestId string }
		if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
			return "", err
		}
		if reply.RequestId == "" {
			return "", errNoRequestID
		}
		return reply.RequestId, nil
	}, nil
}

// idOrder has the numbers 1 to 100 in the order of their texts, which is the canonical order of DesktopIds.1 to .100.
var idOrder = func() []int {
	order := make([]int, 100)
	for i := range order {
		order[i] = i + 1
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(strconv.Itoa(a), strconv.Itoa(b)) })
	return order
}()

// floorQuery relies on IDs without a space or an asterisk, which QueryEscape does not escape as the signature
// requires.
func floorQuery(ids []string) string {
	query := make([]byte, 0, 40*len(ids)+40)
	for _, n := range idOrder {
		if n > len(ids) {
			continue
		}
		query = append(query, "DesktopIds."...)
		query = strconv.AppendInt(query, int64(n), 10)
		query = append(query, '=')
		query = append(query, url.QueryEscape(ids[n-1])...)
		query = append(query, '&')
	}
	return string(append(query, "Mode=ENTER&RegionId="+region...))
}
