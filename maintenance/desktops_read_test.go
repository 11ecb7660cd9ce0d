package maintenance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// pages is a service that answers each query with the JSON that the function returns for it.
type pages func(query url.Values) string

func (p pages) client(t *testing.T, opts ...maintenance.Option) *maintenance.Client {
	return newClient(t, append(opts, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: 200,
			Header:     http.Header{"Content-Type": {contentJSON}},
			Body:       io.NopCloser(strings.NewReader(p(r.URL.Query()))),
		}, nil
	})}))...)
}

// pageOf returns a reply of DescribeDesktops with these desktops, each a JSON object.
func pageOf(nextToken string, desktops ...string) string {
	return fmt.Sprintf(`{"RequestId":"%s","NextToken":"%s","TotalCount":7,"Desktops":[%s]}`, okID, nextToken, strings.Join(desktops, ","))
}

// readOne reads a page with this desktop and returns the desktop.
func readOne(t *testing.T, desktop string) maintenance.Desktop {
	t.Helper()
	client := pages(func(url.Values) string { return pageOf("", desktop) }).client(t)
	read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
	require.NoError(t, err)
	brief.MustLen(t, read, 1)
	return read[0]
}

// readAll returns the desktops before the error.
func readAll(all iter.Seq2[maintenance.Desktop, error]) (read []maintenance.Desktop, err error) {
	for desktop, err := range all {
		if err != nil {
			return read, err
		}
		read = append(read, desktop)
	}
	return read, nil
}

func TestDesktops_Pages(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ desktops, requests int }{{0, 1}, {1, 1}, {99, 1}, {100, 1}, {101, 2}, {250, 3}} {
		t.Run(fmt.Sprint(tc.desktops), func(t *testing.T) {
			t.Parallel()
			service, client := newService(t, tc.desktops)
			service.AddDesktops(region)
			read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
			require.NoError(t, err)
			brief.EqualSorted(t, desktops(tc.desktops), idsOfDesktops(read))
			brief.MustLen(t, service.Requests(), tc.requests)
			for _, r := range service.Requests() {
				assert.Equal(t, "100", r.Query.Get("MaxResults"))
				assert.Equal(t, "false", r.Query.Get("FilterDesktopGroup"))
			}
		})
	}
}

func TestDesktops_BreakEndsReading(t *testing.T) {
	t.Parallel()
	for _, after := range []int{1, 99, 100, 101} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			service, client := newService(t, 250)
			read := 0
			for _, err := range client.Desktops(t.Context(), region, maintenance.DesktopFilter{}) {
				require.NoError(t, err)
				if read++; read == after {
					break
				}
			}
			brief.Len(t, service.Requests(), (after+99)/100, "a page is requested when it is needed")
		})
	}
}

func TestDesktops_BreakAmongChunksOfIDs(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 250)
	for range client.Desktops(t.Context(), region, maintenance.DesktopFilter{DesktopIds: desktops(250)}) {
		break
	}
	brief.Len(t, service.Requests(), 1)
}

func TestDesktops_ErrorComesLast(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 150)
	read, failures := 0, 0
	for desktop, err := range client.Desktops(t.Context(), region, maintenance.DesktopFilter{}) {
		require.Zero(t, failures, "nothing comes after the error")
		if err != nil {
			failures++
			assert.Zero(t, desktop)
			assert.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
			continue
		}
		if read++; read == 100 {
			service.Inject(1, maintenancetest.Fault{Cut: true})
		}
	}
	assert.Equal(t, 100, read)
	assert.Equal(t, 1, failures)
}

func TestDesktops_EveryRangeStartsAfresh(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 150)
	all := client.Desktops(t.Context(), region, maintenance.DesktopFilter{})
	brief.Empty(t, service.Requests(), "nothing is sent before the range")
	for range all {
		break
	}
	service.Inject(1, maintenancetest.Fault{Code: "InvalidParameter", StatusCode: 400})
	_, err := readAll(all)
	require.Error(t, err)
	service.AddDesktops(region, "ecd-new")
	read, err := readAll(all)
	require.NoError(t, err)
	brief.EqualSorted(t, append(desktops(150), "ecd-new"), idsOfDesktops(read))
	assert.Empty(t, service.Requests()[2].Query.Get("NextToken"))
}

func TestDesktops_NextTokenRepeats(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ lead, cycle int }{{0, 1}, {0, 2}, {0, 5}, {3, 1}, {3, 2}, {1, 5}, {40, 7}} {
		t.Run(fmt.Sprintf("%d pages, then a cycle of %d", tc.lead, tc.cycle), func(t *testing.T) {
			t.Parallel()
			requests := 0
			client := pages(func(url.Values) string {
				n := requests
				if n >= tc.lead {
					n = tc.lead + (n-tc.lead)%tc.cycle
				}
				requests++
				return pageOf(fmt.Sprint("token-", n), `{"DesktopId":"ecd-1"}`)
			}).client(t)
			_, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
			var odd *maintenance.ResponseError
			require.ErrorAs(t, err, &odd)
			assert.ErrorContains(t, err, "NextToken repeats")
			assert.Equal(t, okID, odd.RequestId)
			assert.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
			assert.LessOrEqual(t, requests, 4*(tc.lead+tc.cycle)+2)
		})
	}
}

func TestDesktops_NextToken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		field string
		last  bool
	}{
		"missing":              {``, true},
		"empty":                {`"NextToken":"",`, true},
		"null":                 {`"NextToken":null,`, true},
		"string":               {`"NextToken":"next",`, false},
		"number":               {`"NextToken":17,`, false},
		"boolean":              {`"NextToken":true,`, false},
		"array":                {`"NextToken":["next"],`, false},
		"object":               {`"NextToken":{"Value":"next"},`, false},
		"string with a number": {`"NextToken":"17",`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			client := pages(func(query url.Values) string {
				if requests++; requests == 1 {
					return `{"RequestId":"` + okID + `",` + tc.field + `"Desktops":[{"DesktopId":"ecd-1"}]}`
				}
				assert.NotEmpty(t, query.Get("NextToken"))
				return pageOf("", `{"DesktopId":"ecd-2"}`)
			}).client(t)
			read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
			if tc.last {
				require.NoError(t, err)
				assert.Equal(t, []string{"ecd-1"}, idsOfDesktops(read))
				return
			}
			var odd *maintenance.ResponseError
			if !errors.As(err, &odd) {
				require.NoError(t, err)
				assert.Equal(t, []string{"ecd-1", "ecd-2"}, idsOfDesktops(read), "a region does not end early without an error")
			}
		})
	}
}

func TestDesktops_IDs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		ids  []string
		want int   // desktops, of 250
		sent []int // IDs in each request
	}{
		{"100", desktops(100), 100, []int{100}},
		{"101", desktops(101), 101, []int{100, 1}},
		{"250", desktops(250), 250, []int{100, 100, 50}},
		{"unknown ones", desktops(260), 250, []int{100, 100, 60}},
		{"one twice", []string{"ecd-1", "ecd-1"}, 1, []int{1}},
		{"100 twice", append(desktops(100), desktops(100)...), 100, []int{100}},
		{"one in two requests", append(desktops(150), "ecd-1"), 150, []int{100, 50}},
		{"none", []string{}, 0, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			service, client := newService(t, 250)
			read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{DesktopIds: tc.ids}))
			require.NoError(t, err)
			brief.EqualSorted(t, desktops(tc.want), idsOfDesktops(read))
			var sent []int
			for _, r := range service.Requests() {
				sent = append(sent, len(r.DesktopIds))
			}
			assert.Equal(t, tc.sent, sent)
		})
	}
}

func TestDesktops_PoolAndIDs(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 2)
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "in-a", DesktopGroupId: "dg-a"})
	service.PutDesktop(region, maintenance.Desktop{DesktopId: "in-b", DesktopGroupId: "dg-b"})
	ids := []string{"ecd-1", "in-a", "in-b"}
	for _, tc := range []struct {
		filter maintenance.DesktopFilter
		want   []string
	}{
		{maintenance.DesktopFilter{}, []string{"ecd-1", "ecd-2", "in-a", "in-b"}},
		{maintenance.DesktopFilter{DesktopGroupId: "dg-a"}, []string{"in-a"}},
		{maintenance.DesktopFilter{DesktopIds: ids}, ids},
		{maintenance.DesktopFilter{DesktopIds: ids, DesktopGroupId: "dg-b"}, []string{"in-b"}},
		{maintenance.DesktopFilter{DesktopIds: ids, DesktopGroupId: "dg-c"}, nil},
	} {
		read, err := readAll(client.Desktops(t.Context(), region, tc.filter))
		require.NoError(t, err)
		assert.ElementsMatch(t, tc.want, idsOfDesktops(read), "%+v", tc.filter)
	}
}

func TestDesktops_Validation(t *testing.T) {
	t.Parallel()
	tags := map[string]string{}
	for i := range 21 {
		tags[fmt.Sprint(i)] = ""
	}
	service, client := newService(t, 1)
	for name, tc := range map[string]struct {
		region    string
		filter    maintenance.DesktopFilter
		parameter string
	}{
		"no region":               {"", maintenance.DesktopFilter{}, "region"},
		"region of another shape": {"cn/hangzhou", maintenance.DesktopFilter{}, "region"},
		"no region, no IDs":       {"", maintenance.DesktopFilter{DesktopIds: []string{}}, "region"},
		"empty ID":                {region, maintenance.DesktopFilter{DesktopIds: []string{"a", ""}}, "filter.DesktopIds[1]"},
		"white space in an ID":    {region, maintenance.DesktopFilter{DesktopIds: []string{"a b"}}, "filter.DesktopIds[0]"},
		"bad ID after 100":        {region, maintenance.DesktopFilter{DesktopIds: append(desktops(100), "\n")}, "filter.DesktopIds[100]"},
		"101 users":               {region, maintenance.DesktopFilter{EndUserIds: desktops(101)}, "filter.EndUserIds"},
		"empty user":              {region, maintenance.DesktopFilter{EndUserIds: []string{"a", ""}}, "filter.EndUserIds[1]"},
		"11 statuses":             {region, maintenance.DesktopFilter{DesktopStatuses: desktops(11)}, "filter.DesktopStatuses"},
		"empty status":            {region, maintenance.DesktopFilter{DesktopStatuses: []string{""}}, "filter.DesktopStatuses[0]"},
		"21 tags":                 {region, maintenance.DesktopFilter{Tags: tags}, "filter.Tags"},
		"tag without a key":       {region, maintenance.DesktopFilter{Tags: map[string]string{"": "v"}}, "filter.Tags"},
	} {
		read, err := readAll(client.Desktops(t.Context(), tc.region, tc.filter))
		var invalid *maintenance.ValidationError
		require.ErrorAs(t, err, &invalid, name)
		assert.Equal(t, tc.parameter, invalid.Parameter, name)
		brief.Empty(t, read, name)
	}
	brief.Empty(t, service.Requests())
}

func TestDesktops_CodeInASuccess(t *testing.T) {
	t.Parallel()
	client := pages(func(url.Values) string {
		return `{"RequestId":"` + okID + `","Code":"InternalError","Message":"no","Desktops":[{"DesktopId":"ecd-1"}]}`
	}).client(t)
	read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "InternalError", refused.Code)
	brief.Empty(t, read)
	assert.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
}

func TestDesktops_OutcomeIsNeverUnknown(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]maintenancetest.Fault{
		"cut":           {Cut: true},
		"cut, applied":  {Cut: true, Applied: true},
		"503":           {StatusCode: 503},
		"InternalError": {StatusCode: 500, Code: "InternalError"},
		"nonce used":    {StatusCode: 400, Code: "SignatureNonceUsed"},
		"not JSON":      {StatusCode: 200, Body: "<html>", ContentType: "text/html"},
		"cut off":       {StatusCode: 200, Body: `{"RequestId":"`, ContentType: contentJSON},
		"no list":       {StatusCode: 200, Body: okBody, ContentType: contentJSON},
	} {
		service, client := newService(t, 1)
		service.Inject(0, fault)
		_, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
		var failed *maintenance.OperationError
		require.ErrorAs(t, err, &failed, name)
		assert.Equal(t, "DescribeDesktops", failed.Action, name)
		assert.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown, name)
		assert.NotContains(t, err.Error(), "outcome unknown", name)
	}
}

func TestDesktops_ThrottlingIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 250, maintenance.WithRetry(maintenance.RetryPolicy{}))
		service.Inject(2, maintenancetest.Fault{StatusCode: 400, Code: "Throttling.User"})
		read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
		require.NoError(t, err)
		brief.EqualSorted(t, desktops(250), idsOfDesktops(read))
		brief.Len(t, service.Requests(), 5)
	})
}

func TestDesktops_EndOfTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, client := newService(t, 250)
		service.Inject(0, maintenancetest.Fault{Latency: 20 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		read, err := readAll(client.Desktops(ctx, region, maintenance.DesktopFilter{}))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, maintenance.ErrOutcomeUnknown)
		brief.Len(t, read, 100, "one page")
	})
}

func TestDesktops_Denied(t *testing.T) {
	t.Parallel()
	service, client := newService(t, 1)
	service.Deny("DescribeDesktops")
	_, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
	require.ErrorIs(t, err, maintenance.ErrAccessDenied)
	assert.ErrorContains(t, err, "grant ecd:DescribeDesktops in RAM")
	var refused *maintenance.APIError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "ecd:DescribeDesktops", refused.Action)
}

func TestDesktops_ManagementFlags(t *testing.T) {
	t.Parallel()
	const (
		not      = maintenance.NotInMaintenance
		entering = maintenance.EnteringMaintenance
		in       = maintenance.InMaintenance
	)
	for _, tc := range []struct {
		json string
		want maintenance.MaintenanceState
	}{
		{`"DesktopName":"no flags"`, not},
		{`"ManagementFlags":null`, not},
		{`"ManagementFlags":[]`, not},
		{`"ManagementFlags":["NoFlag"]`, not},
		{`"ManagementFlags":["[\"NoFlag\"]"]`, not},
		{`"ManagementFlags":["EnterMaintenance"]`, entering},
		{`"ManagementFlags":["undermaintenance"]`, in},
		{`"ManagementFlags":["BrandNew","UNDERMAINTENANCE"]`, in},
		{`"ManagementFlags":["UnderMaintenance","EnterMaintenance"]`, entering},
		{`"ManagementFlags":["[\"UnderMaintenance\"]"]`, in},
		{`"ManagementFlags":["[\"Updating\",\"enterMaintenance\"]"]`, entering},
		{`"ManagementFlags":[null,"UnderMaintenance"]`, in},
		{`"ManagementFlags":[1,{"a":2},"UnderMaintenance"]`, in},
		{`"ManagementFlags":[["UnderMaintenance"]]`, in},
		{`"ManagementFlags":"UnderMaintenance"`, in},
		{`"ManagementFlags":"Under\u004daintenance"`, in},
		{`"ManagementFlags":"[\"UnderMaintenance\"]"`, in},
		{`"ManagementFlags":"[\"EnterMaintenance\",\"x\"]"`, entering},
		{`"ManagementFlags":7`, not},
		{`"ManagementFlags":{"Flag":"x"}`, not},
	} {
		t.Run(tc.json, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, readOne(t, `{"DesktopId":"ecd-1",`+tc.json+`}`).MaintenanceState())
		})
	}
}

func TestDesktops_FieldsOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, field := range []string{
		"DesktopName", "HostName", "DesktopStatus", "ConnectionStatus", "OfficeSiteId", "OfficeSiteName", "DesktopGroupId",
		"OsType", "ManagementFlags", "EndUserIds", "Sessions", "Tags", "BrandNew",
	} {
		for _, value := range []string{`null`, `17`, `true`, `{"a":{"b":[1]}}`, `["a",1,null]`, `[{"Key":1,"EndUserId":null}]`, `"text"`} {
			d := readOne(t, fmt.Sprintf(`{%q:%s,"DesktopId":"ecd-1"}`, field, value))
			assert.Equal(t, "ecd-1", d.DesktopId, "%s %s", field, value)
		}
	}
}

func TestDesktops_OddFields(t *testing.T) {
	t.Parallel()
	for group, want := range map[string]string{`null`: "", `"null"`: "", `""`: "", `"dg-1"`: "dg-1"} {
		assert.Equal(t, want, readOne(t, `{"DesktopId":"a","DesktopGroupId":`+group+`}`).DesktopGroupId, group)
	}
	minute := time.Date(2021, 3, 7, 8, 23, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2021-03-07T08:23Z":      minute,
		"2021-03-07T08:23:05Z":   minute.Add(5 * time.Second),
		"2021-03-07T16:23+08:00": minute,
		"yesterday":              {},
		"":                       {},
	} {
		d := readOne(t, `{"DesktopId":"a","Sessions":[{"EndUserId":"alice","EstablishmentTime":"`+text+`"}]}`)
		require.Len(t, d.Sessions, 1)
		assert.True(t, want.Equal(d.Sessions[0].EstablishmentTime), text)
	}
}

func TestDesktops_NoList(t *testing.T) {
	t.Parallel()
	for _, field := range []string{``, `,"Desktops":null`, `,"Desktops":{"Desktop":[]}`, `,"Desktops":"[]"`, `,"Desktops":0`} {
		client := pages(func(url.Values) string { return `{"RequestId":"` + okID + `","TotalCount":0` + field + `}` }).client(t)
		read, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
		var odd *maintenance.ResponseError
		assert.ErrorAs(t, err, &odd, field)
		brief.Empty(t, read, field)
	}
}

func TestDesktops_SizeOfAPage(t *testing.T) {
	skipIfShort(t)
	t.Parallel()
	page := pageOf("", `{"DesktopId":"ecd-1"}`)
	for size, refused := range map[int]bool{mebibyte + 1: false, 15 * mebibyte: false, 16*mebibyte + 1: true} {
		client := newClient(t, once, maintenance.WithHTTPClient(&http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			answer := reply(200, page, nil)
			answer.Body = io.NopCloser(io.MultiReader(answer.Body, io.LimitReader(blanks{}, int64(size-len(page)))))
			return answer, nil
		})}))
		_, err := readAll(client.Desktops(t.Context(), region, maintenance.DesktopFilter{}))
		var odd *maintenance.ResponseError
		assert.Equal(t, refused, errors.As(err, &odd), "%d bytes: %v", size, err)
	}
}

// blanks is white space without end.
type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// TestDesktops_ConstantMemory is not parallel, because it measures the heap of the whole process.
func TestDesktops_ConstantMemory(t *testing.T) {
	skipIfShort(t)
	padding := strings.Repeat("x", 1000)
	requests := 0
	client := pages(func(url.Values) string {
		requests++
		page := make([]string, 100)
		for i := range page {
			page[i] = fmt.Sprintf(`{"DesktopId":"ecd-%d-%d","DesktopName":"%s"}`, requests, i, padding)
		}
		if requests == 90 {
			return pageOf("", page...)
		}
		return pageOf(fmt.Sprint("token-", requests), page...)
	}).client(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, read := heap(), uint64(0), 0
	for _, err := range client.Desktops(t.Context(), region, maintenance.DesktopFilter{}) {
		require.NoError(t, err)
		if read++; read%1500 == 50 {
			most = max(most, heap())
		}
	}
	assert.Equal(t, 9000, read)
	assert.Less(t, most, before+5*mebibyte, "the region has 9 MB")
}
