package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func (e *emulator) serveTest(method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	e.handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// card returns the part of the page for a desktop.
func card(t *testing.T, page, id string) string {
	t.Helper()
	_, after, found := strings.Cut(page, "<h3>"+id+"</h3>")
	require.True(t, found, "%s is not on the page", id)
	shown, _, _ := strings.Cut(after, "<h3>")
	return shown
}

func TestPage_StatesUsersAndRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := emulated(t, "-desktops", "5", "-transition", "30s")
		e.service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-006", DesktopStatus: "Stopped"})
		client := e.client(t)
		require.NoError(t, e.enter(t, client, "ecd-005"))
		time.Sleep(30 * time.Second)
		_, err := client.SetMaintenance(t.Context(), region, maintenance.ModeExit, []string{"ecd-005"})
		require.NoError(t, err)
		require.NoError(t, e.enter(t, client, "ecd-004"))
		time.Sleep(10 * time.Second)
		e.service.Connect(region, "ecd-002", "alice", "bob")
		e.service.Connect(region, "ecd-003", "carol")
		_, err = client.SetMaintenance(t.Context(), region, maintenance.ModeEnter, []string{"ecd-003", "ecd-001"})
		require.NoError(t, err)
		require.Error(t, e.enter(t, client, "ecd-gone"))

		w := e.serveTest(http.MethodGet, "/")
		require.Equal(t, http.StatusOK, w.Code)
		page := w.Body.String()
		assert.Contains(t, page, `<meta http-equiv="refresh" content="3">`)
		assert.Contains(t, page, `<b>2</b> open`)
		assert.Contains(t, page, `<b>3</b> entering`)
		assert.Contains(t, page, `<b>1</b> in maintenance`)
		assert.Contains(t, page, `<b>3</b> users connected`)
		for id, texts := range map[string][]string{
			"ecd-001": {">entering<", ">in maintenance in 30s<"},
			"ecd-002": {">open<", "<li>alice</li><li>bob</li>"},
			"ecd-003": {">entering<", ">waits for its users<", "<li>carol</li>"},
			"ecd-004": {">entering<", ">in maintenance in 20s<"},
			"ecd-005": {">in maintenance<", ">open in 20s<"},
			"ecd-006": {">open<", ">the desktop is Stopped<"},
		} {
			for _, text := range texts {
				assert.Contains(t, card(t, page, id), text, id)
			}
		}

		_, requests, _ := strings.Cut(page, "Latest requests")
		rows := strings.Split(requests, "<tr class=")[1:]
		require.Len(t, rows, 5)
		assert.Contains(t, rows[0], "<span>ENTER ecd-gone</span>")
		assert.Contains(t, rows[0], "<strong>InvalidDesktopId.NotFound</strong></td><td>404</td>")
		assert.Contains(t, rows[1], "<td>"+time.Now().Local().Format(time.TimeOnly)+"</td><td>SetDesktopMaintenance<span>ENTER ecd-003 and 1 more</span></td><td>200</td>")
		assert.Contains(t, rows[3], "<span>EXIT ecd-005</span>")
		assert.Contains(t, rows[3], time.Now().Add(-10*time.Second).Local().Format(time.TimeOnly))
	})
}

func TestPage_Empty(t *testing.T) {
	t.Parallel()
	page := emulated(t, "-desktops", "1").serveTest(http.MethodGet, "/").Body.String()
	assert.Contains(t, page, "None yet.")
	assert.NotContains(t, page, "<table>")
}

// The page escapes all text from clients and state files.
func TestPage_Escapes(t *testing.T) {
	t.Parallel()
	const evil = `<script>alert("1")</script>`
	e := emulated(t, "-desktops", "1")
	e.service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-<b>", DesktopName: evil, DesktopStatus: evil})
	e.service.PutDesktop(region, maintenance.Desktop{DesktopId: "ecd-2", Sessions: []maintenance.Session{{EndUserId: evil}}})
	r := httptest.NewRequest(http.MethodPost, "/?Mode=%3Cscript%3E&DesktopIds.1=%3Cscript%3E", nil)
	r.Header.Set("X-Acs-Action", evil)
	e.handler().ServeHTTP(httptest.NewRecorder(), r)
	page := e.serveTest(http.MethodGet, "/").Body.String()
	assert.NotContains(t, page, "<script")
	assert.Contains(t, page, "ecd-&lt;b&gt;")
	assert.Equal(t, 4, strings.Count(page, "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;"))
}

func TestPage_Headers(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-desktops", "1")
	header := e.serveTest(http.MethodGet, "/").Header()
	assert.Equal(t, "text/html; charset=utf-8", header.Get("Content-Type"))
	assert.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$`,
		header.Get("Content-Security-Policy"))
	assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	page := e.serveTest(http.MethodGet, "/").Body.String()
	for _, foreign := range []string{"<script", "<form", "src=", "http://", "https://", "url(", "@import"} {
		assert.NotContains(t, page, foreign)
	}
}

// The page is read-only. Requests that a browser sends by itself do not count as requests of the API, and
// only a signed request changes a desktop.
func TestPage_ReadOnly(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-desktops", "2")
	before := e.service.Snapshot()
	assert.Equal(t, http.StatusOK, e.serveTest(http.MethodGet, "/").Code)
	assert.Equal(t, http.StatusOK, e.serveTest(http.MethodHead, "/").Code)
	assert.Equal(t, http.StatusNotFound, e.serveTest(http.MethodGet, "/favicon.ico").Code)
	assert.Empty(t, e.service.Requests())

	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		for _, target := range []string{"/", "/?Action=SetDesktopMaintenance&Mode=ENTER&RegionId=cn-hangzhou&DesktopIds.1=ecd-001"} {
			w := e.serveTest(method, target)
			assert.GreaterOrEqual(t, w.Code, 400, "%s %s", method, target)
			assert.Less(t, w.Code, 500, "%s %s", method, target)
		}
	}
	for _, target := range []string{"/page", "/?x=1", "/?Action=SetDesktopMaintenance&Mode=ENTER&RegionId=cn-hangzhou&DesktopIds.1=ecd-001"} {
		w := e.serveTest(http.MethodGet, target)
		assert.GreaterOrEqual(t, w.Code, 400, target)
		assert.Equal(t, "application/json;charset=utf-8", w.Header().Get("Content-Type"), target)
	}
	assert.Equal(t, before, e.service.Snapshot())
}

// A GET request of the API, which some clients send, never gets the page.
func TestPage_IsNotForClients(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"X-Acs-Action": "DescribeDesktops", "Authorization": "ACS3-HMAC-SHA256 x"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(name, value)
		assert.False(t, isForPeople(r), name)
	}
	assert.False(t, isForPeople(httptest.NewRequest(http.MethodGet, "/?Action=DescribeDesktops", nil)))
	assert.False(t, isForPeople(httptest.NewRequest(http.MethodGet, "/", strings.NewReader("Action=DescribeDesktops"))))
	assert.True(t, isForPeople(httptest.NewRequest(http.MethodGet, "/", nil)))
}

func TestPage_ManyDesktops(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-desktops", "2003")
	v := newView(e.service, time.Now())
	assert.Len(t, v.Desktops, shownDesktops)
	assert.Equal(t, 2003, v.Open)
	assert.Contains(t, e.serveTest(http.MethodGet, "/").Body.String(), "3 more desktops are not shown.")
}

func TestPage_LatestRequests(t *testing.T) {
	t.Parallel()
	e := emulated(t, "-desktops", "1")
	client := e.client(t)
	for range shownRequests + 1 {
		require.NoError(t, e.enter(t, client, "ecd-001"))
	}
	e.service.Inject(1, maintenancetest.Fault{Cut: true})
	require.Error(t, e.enter(t, client, "ecd-001"))
	v := newView(e.service, time.Now())
	require.Len(t, v.Requests, shownRequests)
	assert.Equal(t, "cut", v.Requests[0].Status)
	assert.Equal(t, "failed", v.Requests[0].Class)
	assert.Equal(t, "200", v.Requests[1].Status)
}
