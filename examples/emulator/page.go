package main

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

const (
	shownDesktops = 2000
	shownRequests = 40
	refreshEvery  = 3 // seconds
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSSFile string
	pageCSS     = strings.ReplaceAll(pageCSSFile, "\r\n", "\n") // the form that a browser hashes

	pageTemplate = template.Must(template.New("page").Parse(pageHTML))

	// pagePolicy allows only the style sheet of the page: no script, from any source.
	pagePolicy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", sum(pageCSS))
)

func sum(text string) string {
	hash := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(hash[:])
}

// isForPeople reports whether a request comes from a browser. A call of the API has the same path,
// and may be a GET too.
func isForPeople(r *http.Request) bool {
	return r.URL.Path == "/" && r.URL.RawQuery == "" &&
		(r.Method == http.MethodGet || r.Method == http.MethodHead) && r.ContentLength == 0 &&
		r.Header.Get("X-Acs-Action") == "" && r.Header.Get("Authorization") == ""
}

// page writes the page. It changes no desktop.
func (e *emulator) page(w http.ResponseWriter) {
	var content bytes.Buffer
	if err := pageTemplate.Execute(&content, newView(e.service, time.Now())); err != nil {
		e.log.Printf("the page: %v", err)
		http.Error(w, "The page cannot be shown.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	_, _ = content.WriteTo(w) // net/http sends no body for HEAD
}

// view is the data of the page.
type view struct {
	CSS                                   template.CSS
	Refresh                               int // seconds
	Now                                   string
	Open, Entering, In, Connected, Hidden int // numbers of desktops, except Connected
	Desktops                              []desktopView
	Requests                              []requestView
}

type desktopView struct {
	Region, ID, Name string
	Class, State     string
	Note             string
	Users            []string
}

type requestView struct {
	Time, Action, Detail, Status, Code, Class string
}

func newView(service *maintenancetest.Service, now time.Time) view {
	v := view{CSS: template.CSS(pageCSS), Refresh: refreshEvery, Now: now.Format(time.TimeOnly)}
	for _, state := range service.Snapshot() {
		v.Connected += len(state.Desktop.Sessions)
		d := newDesktopView(state, now)
		switch d.Class {
		case "in":
			v.In++
		case "entering":
			v.Entering++
		default:
			v.Open++
		}
		if len(v.Desktops) == shownDesktops {
			v.Hidden++
			continue
		}
		v.Desktops = append(v.Desktops, d)
	}
	requests := service.Requests()
	slices.Reverse(requests)
	for _, r := range requests[:min(len(requests), shownRequests)] {
		v.Requests = append(v.Requests, newRequestView(r))
	}
	return v
}

func newDesktopView(state maintenancetest.DesktopState, now time.Time) desktopView {
	d := desktopView{Region: state.Region, ID: state.Desktop.DesktopId, Name: state.Desktop.DesktopName, Class: "open", State: "open"}
	for _, session := range state.Desktop.Sessions {
		d.Users = append(d.Users, session.EndUserId)
	}
	switch state.Desktop.MaintenanceState() {
	case maintenance.EnteringMaintenance:
		d.Class, d.State = "entering", "entering"
	case maintenance.InMaintenance:
		d.Class, d.State = "in", "in maintenance"
	}
	left := max(0, state.Due.Sub(now)).Round(time.Second)
	switch {
	case state.Leaving:
		d.Note = fmt.Sprintf("open in %v", left)
	case !state.Due.IsZero():
		d.Note = fmt.Sprintf("in maintenance in %v", left)
	case d.Class == "entering" && len(d.Users) > 0:
		d.Note = "waits for its users"
	case state.Desktop.DesktopStatus != "Running":
		d.Note = "the desktop is " + state.Desktop.DesktopStatus
	}
	return d
}

func newRequestView(r maintenancetest.Request) requestView {
	v := requestView{Time: r.Time.Local().Format(time.TimeOnly), Action: r.Action, Status: fmt.Sprint(r.StatusCode), Code: r.Code, Class: "ok"}
	if v.Action == "" {
		v.Action = "no action"
	}
	var detail []string
	if r.Mode != "" {
		detail = append(detail, r.Mode)
	}
	switch n := len(r.DesktopIds); {
	case n == 1:
		detail = append(detail, r.DesktopIds[0])
	case n > 1:
		detail = append(detail, fmt.Sprintf("%s and %d more", r.DesktopIds[0], n-1))
	}
	v.Detail = strings.Join(detail, " ")
	if r.StatusCode == 0 {
		v.Status = "cut"
	}
	if r.StatusCode != http.StatusOK {
		v.Class = "failed"
	}
	return v
}
