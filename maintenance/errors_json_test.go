package maintenance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

var (
	busy = &maintenance.APIError{
		StatusCode: 429, Code: "Throttling.User", Message: "slow down", RequestId: "R-1", RetryAfter: 1500 * time.Millisecond,
	}
	page = &maintenance.ResponseError{
		StatusCode: 502, ContentType: "text/html", RequestId: "R-2", Excerpt: "Bad Gateway", RetryAfter: time.Minute,
		Err: errors.New("no error code"),
	}
)

// foreignError is an error that package json cannot marshal.
type foreignError struct{ Done chan struct{} }

func (foreignError) Error() string { return "out\tof \xff reach" }

func TestErrors_JSON(t *testing.T) {
	t.Parallel()
	regions := &maintenance.OperationError{Action: "DescribeRegions", Region: region, Attempts: 3, Err: busy}
	for _, tc := range []struct {
		name  string
		value any
		want  string
	}{
		{"OperationError without a mode", regions, `{
			"Action":"DescribeRegions","Region":"cn-hangzhou","Desktops":0,"Attempts":3,
			"Error":"maintenance: DescribeRegions cn-hangzhou: Throttling.User: slow down (HTTP 429, request ID R-1); retry after 1.5s (3 attempts)",
			"Code":"Throttling.User","StatusCode":429,"RequestId":"R-1","RetryAfter":1.5,"OutcomeUnknown":false}`},
		{"value of an OperationError", *regions, string(document(t, regions))},
		{"OperationError of an invalid mode", &maintenance.OperationError{Mode: "bogus", Err: page}, `{
			"Action":"","Region":"","Mode":"bogus","Desktops":0,"Attempts":0,
			"Error":"maintenance: bogus: unexpected response: HTTP 502, text/html, request ID R-2: no error code; body starts: Bad Gateway",
			"StatusCode":502,"RequestId":"R-2","RetryAfter":60,"OutcomeUnknown":false}`},
		{"OperationError of a foreign error", &maintenance.OperationError{Err: foreignError{}}, `{
			"Action":"","Region":"","Desktops":0,"Attempts":0,"Error":"maintenance: out\\tof \\xff reach","OutcomeUnknown":false}`},
		{"DesktopError", maintenance.DesktopError{DesktopID: "ecd-1", Err: regions.Err}, `{
			"DesktopID":"ecd-1","Error":"Throttling.User: slow down (HTTP 429, request ID R-1); retry after 1.5s",
			"Code":"Throttling.User","StatusCode":429,"RequestId":"R-1","RetryAfter":1.5,"OutcomeUnknown":false}`},
		{"DesktopError of an unknown outcome", &maintenance.DesktopError{DesktopID: "ecd-1", Err: maintenance.ErrOutcomeUnknown}, `{
			"DesktopID":"ecd-1","Error":"maintenance: outcome unknown","OutcomeUnknown":true}`},
		{"DesktopError of an ID that is not UTF-8", maintenance.DesktopError{
			DesktopID: "ecd-\xff", Err: &maintenance.ValidationError{Parameter: "desktopIDs[1]", Reason: `"ecd-\xff" is not valid UTF-8`},
		}, `{"DesktopID":"ecd-\ufffd","Error":"maintenance: desktopIDs[1] \"ecd-\\xff\" is not valid UTF-8","OutcomeUnknown":false}`},
		{"ValidationError", &maintenance.ValidationError{Parameter: "mode", Reason: "is <empty>"}, `{
			"Parameter":"mode","Reason":"is <empty>","Error":"maintenance: mode is <empty>","OutcomeUnknown":false}`},
		{"APIError", busy, `{"Error":"Throttling.User: slow down (HTTP 429, request ID R-1); retry after 1.5s",
			"StatusCode":429,"Code":"Throttling.User","Message":"slow down","RequestId":"R-1","RetryAfter":1.5}`},
		{"ResponseError", page, `{"Error":"unexpected response: HTTP 502, text/html, request ID R-2: no error code; body starts: Bad Gateway",
			"StatusCode":502,"ContentType":"text/html","RequestId":"R-2","Excerpt":"Bad Gateway","RetryAfter":60}`},
		{"FleetError", &maintenance.FleetError{
			Region: region, Mode: "EXIT", Succeeded: 2, Failed: 1,
			First: &maintenance.DesktopError{DesktopID: "ecd-3", Err: errors.New("reset")}, Ended: page,
		}, `{"Region":"cn-hangzhou","Mode":"EXIT","Succeeded":2,"Failed":1,
			"First":{"DesktopID":"ecd-3","Error":"reset","OutcomeUnknown":false},
			"Ended":{"Error":"unexpected response: HTTP 502, text/html, request ID R-2: no error code; body starts: Bad Gateway",
				"StatusCode":502,"RequestId":"R-2","RetryAfter":60,"OutcomeUnknown":false},
			"Error":"maintenance: EXIT cn-hangzhou: 2 of 3 desktops; 1 failed, first: desktop \"ecd-3\": reset; ended early: ` +
			`unexpected response: HTTP 502, text/html, request ID R-2: no error code; body starts: Bad Gateway",
			"StatusCode":502,"RequestId":"R-2","RetryAfter":60,"OutcomeUnknown":false}`},
		{"WaitError", &maintenance.WaitError{
			Region: region, Mode: "ENTER", Missing: []string{"ecd-3"}, Err: regions,
			Pending: []maintenance.Desktop{
				{DesktopId: "ecd-1", ManagementFlags: []string{"EnterMaintenance"}, Sessions: []maintenance.Session{{EndUserId: "alice"}, {EndUserId: "bob"}}},
				{DesktopId: "ecd-2", DesktopStatus: "Running"},
				{DesktopId: "ecd-4", Sessions: []maintenance.Session{{EndUserId: "eve"}}},
				{DesktopId: "ecd-5"},
			},
		}, `{"Region":"cn-hangzhou","Mode":"ENTER","Missing":["ecd-3"],"Pending":[
			{"DesktopId":"ecd-1","State":"entering maintenance","Users":["alice","bob"]},
			{"DesktopId":"ecd-2","State":"not in maintenance"},
			{"DesktopId":"ecd-4","State":"not in maintenance","Users":["eve"]},
			{"DesktopId":"ecd-5"}],
			"Error":"maintenance: ENTER cn-hangzhou: 4 desktops pending: \"ecd-1\" (entering maintenance, connected: \"alice\", \"bob\"), ` +
			`\"ecd-2\" (not in maintenance), \"ecd-4\" (not in maintenance, connected: \"eve\"), \"ecd-5\"; 1 desktop not found: \"ecd-3\"; ` +
			`maintenance: DescribeRegions cn-hangzhou: Throttling.User: slow down (HTTP 429, request ID R-1); retry after 1.5s (3 attempts)",
			"Code":"Throttling.User","StatusCode":429,"RequestId":"R-1","RetryAfter":1.5,"OutcomeUnknown":false}`},
		{"value of a WaitError with only missing desktops", maintenance.WaitError{Region: region, Mode: "EXIT", Missing: []string{"ecd-\xff"}}, `{
			"Region":"cn-hangzhou","Mode":"EXIT","Pending":[],"Missing":["ecd-\ufffd"],
			"Error":"maintenance: EXIT cn-hangzhou: 1 desktop not found: \"ecd-\\xff\"","OutcomeUnknown":false}`},
		{"WaitError of an unknown outcome", &maintenance.WaitError{Err: maintenance.ErrOutcomeUnknown}, `{
			"Region":"","Pending":[],"Missing":[],"Error":"maintenance: maintenance: outcome unknown","OutcomeUnknown":true}`},
		{"zero WaitError", maintenance.WaitError{}, `{
			"Region":"","Pending":[],"Missing":[],"Error":"maintenance: wait ended","OutcomeUnknown":false}`},
		{"nil WaitError", (*maintenance.WaitError)(nil), `null`},
		{"FleetReport", &maintenance.FleetReport{
			Succeeded: 1, Failed: []maintenance.DesktopError{{DesktopID: "ecd-2", Err: errors.New("reset")}}, Calls: 4, Throttled: 2,
			Elapsed: 90*time.Second + 500*time.Millisecond,
		}, `{"Succeeded":1,"Failed":[{"DesktopID":"ecd-2","Error":"reset","OutcomeUnknown":false}],"Calls":4,"Throttled":2,"Elapsed":90.5}`},
		{"zero FleetReport", maintenance.FleetReport{}, `{"Succeeded":0,"Failed":[],"Calls":0,"Throttled":0,"Elapsed":0}`},
		{"nil FleetReport", (*maintenance.FleetReport)(nil), `null`},
		{"nil OperationError", (*maintenance.OperationError)(nil), `null`},
		{"nil DesktopError", (*maintenance.DesktopError)(nil), `null`},
		{"zero DesktopError", maintenance.DesktopError{}, `{"DesktopID":""}`},
		{"nil APIError inside", maintenance.DesktopError{Err: &maintenance.OperationError{Err: (*maintenance.APIError)(nil)}}, `{
			"DesktopID":"","Error":"maintenance: <nil>","OutcomeUnknown":false}`},
		{"nil ResponseError inside", maintenance.DesktopError{Err: (*maintenance.ResponseError)(nil)}, `{
			"DesktopID":"","Error":"<nil>","OutcomeUnknown":false}`},
		{"zero FleetError", maintenance.FleetError{}, `{
			"Region":"","Succeeded":0,"Failed":0,"Error":"maintenance: 0 of 0 desktops","OutcomeUnknown":false}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			assert.JSONEq(t, tc.want, string(document(t, tc.value)))
		})
	}
}

// document returns the JSON of v.
func document(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return text
}

func TestFleetReport_JSONOfAFleet(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		status  int
		body    string
		code    string
		unknown bool
	}{
		{"refusal of the desktops", 400, `{"Code":"InvalidParameter","RequestId":"R"}`, "InvalidParameter", false},
		{"refusal of every call", 403, `{"Code":"Forbidden.RAM","RequestId":"R"}`, "Forbidden.RAM", false},
		{"page", 407, `<html>no</html>`, "", false},
		{"success without a request ID", 200, `{}`, "", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report, summary := failedFleet(t, tc.status, tc.body)
			type failure struct {
				DesktopID, Error, Code, RequestId string
				StatusCode                        int
				OutcomeUnknown                    bool
			}
			var got struct{ Failed []failure }
			require.NoError(t, json.Unmarshal(document(t, report), &got))
			brief.MustLen(t, got.Failed, 5)
			assert.Equal(t, failure{DesktopID: "a b", Error: report.Failed[1].Err.Error()}, got.Failed[1])
			last := got.Failed[4]
			assert.Equal(t, report.Failed[4].DesktopID, last.DesktopID)
			assert.Equal(t, report.Failed[4].Err.Error(), last.Error)
			assert.Equal(t, tc.code, last.Code)
			assert.Equal(t, tc.status, last.StatusCode)
			assert.Equal(t, tc.unknown, last.OutcomeUnknown)

			var whole struct {
				First          failure
				Failed         int
				OutcomeUnknown bool
			}
			require.NoError(t, json.Unmarshal(document(t, summary), &whole))
			assert.Equal(t, got.Failed[0], whole.First)
			assert.Equal(t, 5, whole.Failed)
			assert.Equal(t, tc.unknown, whole.OutcomeUnknown)
		})
	}
}

// A log has the text of an error, whether it is wrapped or not, and a peer cannot forge a record.
func TestErrors_LoggedAsText(t *testing.T) {
	t.Parallel()
	forged := "\u202e\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\x1b[2J\xff"
	hostile := &maintenance.APIError{StatusCode: 400, Code: forged, Message: strings.Repeat(forged, 10_000), RequestId: forged}
	operation := &maintenance.OperationError{Action: "SetDesktopMaintenance", Region: region, Mode: "ENTER", Desktops: 1, Attempts: 1, Err: hostile}
	failed := maintenance.DesktopError{DesktopID: "ecd-1" + forged, Err: operation}
	for _, err := range []error{
		&maintenance.ValidationError{Parameter: "mode", Reason: "is empty"}, hostile, page, operation, failed, &failed,
		&maintenance.FleetError{Region: region, Mode: "ENTER", Failed: 1, First: &failed},
		&maintenance.WaitError{Region: region, Missing: []string{forged}, Pending: []maintenance.Desktop{
			{DesktopId: forged, DesktopStatus: forged, Sessions: []maintenance.Session{{EndUserId: forged}}},
		}, Err: hostile},
		(*maintenance.OperationError)(nil), (*maintenance.FleetError)(nil), (*maintenance.WaitError)(nil), maintenance.DesktopError{},
		fmt.Errorf("patch night: %w", operation),
	} {
		t.Run(fmt.Sprintf("%T", err), func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Error("not accepted", "error", err)
			var record struct{ Error string }
			require.NoError(t, json.Unmarshal(log.Bytes(), &record))
			assert.Equal(t, err.Error(), record.Error)
			checkLine(t, record.Error, longestLine)
			if err != error(hostile) { // its text has the whole message
				assert.LessOrEqual(t, len(document(t, err)), 3*longestLine)
			}
		})
	}
}

func TestErrors_JSONHoldsNoSecret(t *testing.T) {
	t.Parallel()
	provider := &credential{kind: "custom", err: fmt.Errorf(`refresh failed: httpStatus: 400, message = {"SecurityToken":"%s"}`, token)}
	service := maintenancetest.NewService()
	refused, err := service.NewClient(maintenance.WithCredential(provider), once)
	require.NoError(t, err)
	repeating := newClient(t, maintenance.WithStaticCredential("id", secret, token), maintenance.WithHTTPClient(&http.Client{
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			held := r.Header.Get("X-Acs-Security-Token")
			return reply(403, `{"Code":"C`+held+`","Message":"M`+held+`","RequestId":"R`+held+`","HostId":"`+held+`"}`, nil), nil
		}),
	}))
	broken := newClient(t, maintenance.WithStaticCredential("id", secret, token), maintenance.WithHTTPClient(&http.Client{
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("cannot send " + r.Header.Get("X-Acs-Security-Token"))
		}),
	}))
	for name, client := range map[string]*maintenance.Client{
		"provider that quotes the token": refused, "peer that repeats the token": repeating, "transport that quotes the token": broken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := enter(t.Context(), client)
			require.Error(t, err)
			var operation *maintenance.OperationError
			require.ErrorAs(t, err, &operation)
			values := []any{err, *operation, maintenance.DesktopError{DesktopID: "ecd-1", Err: err}, &maintenance.FleetError{Ended: err}}
			if api := (*maintenance.APIError)(nil); errors.As(err, &api) {
				values = append(values, api)
			}
			for _, value := range values {
				for _, hidden := range []string{token, secret} {
					assert.NotContains(t, string(document(t, value)), hidden)
				}
			}
		})
	}
}
