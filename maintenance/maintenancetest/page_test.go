package maintenancetest_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ecdkit/ecd-maintenance-go/internal/brief"
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

func numberedDesktops(n int) (*maintenancetest.Service, []string) {
	service, ids := maintenancetest.NewService(), make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("ecd-%06d", i)
	}
	backwards := slices.Clone(ids)
	slices.Reverse(backwards)
	service.AddDesktops(region, backwards...)
	return service, ids
}

// pages reads up to most pages, and calls between after each page except the last one of the query.
func pages(t *testing.T, service *maintenancetest.Service, query string, most int, between func()) (pages [][]string, rest string) {
	for range most {
		page := describe(t, service, query+"&NextToken="+url.QueryEscape(rest))
		pages = append(pages, page.ids())
		if rest = page.NextToken; rest == "" {
			break
		}
		between()
	}
	return pages, rest
}

func TestDescribeDesktops_Pages(t *testing.T) {
	t.Parallel()
	service, ids := numberedDesktops(25)
	var byID string
	for i, id := range ids {
		byID += fmt.Sprintf("&DesktopId.%d=%s", i+1, id)
	}
	for query, sizes := range map[string][]int{
		"MaxResults=10":        {10, 10, 5},
		"MaxResults=5":         {5, 5, 5, 5, 5},
		"MaxResults=24":        {24, 1},
		"MaxResults=25":        {25},
		"MaxResults=100":       {25},
		"MaxResults=10" + byID: {10, 10, 5},
		byID[1:]:               {10, 10, 5},
		"DesktopStatusList.1=Running&MaxResults=20": {20, 5},
	} {
		var got []int
		found, rest := pages(t, service, query, 10, func() {})
		for _, page := range found {
			got = append(got, len(page))
		}
		assert.Equal(t, sizes, got, query)
		brief.Equal(t, ids, slices.Concat(found...), query)
		assert.Empty(t, rest)
	}
	assert.Len(t, describe(t, service, "").Desktops, 10, "the default")
	next := describe(t, service, "MaxResults=7").NextToken
	page := describe(t, service, "MaxResults=3&NextToken="+next)
	assert.Equal(t, ids[7:10], page.ids(), "another size")
	assert.Equal(t, 25, page.TotalCount)
}

func TestDescribeDesktops_PagesWhileDesktopsComeAndGo(t *testing.T) {
	t.Parallel()
	service, ids := numberedDesktops(100)
	turn := 0
	found, _ := pages(t, service, "MaxResults=7", 100, func() {
		turn++
		if last := 7*turn - 1; last < len(ids) {
			service.RemoveDesktops(region, ids[last]) // the desktop in the token
		}
		service.AddDesktops(region, fmt.Sprintf("a-%d", turn), fmt.Sprintf("ecd-000000-%d", turn), fmt.Sprintf("z-%03d", turn))
	})
	flat := slices.Concat(found...)
	assert.True(t, slices.IsSorted(flat))
	brief.Equal(t, ids, flat[:100], "each once, none left out")
	for _, id := range flat[100:] {
		assert.Contains(t, id, "z-", "those that come later")
	}
}

func TestDescribeDesktops_MadeUpTokens(t *testing.T) {
	t.Parallel()
	service, _ := numberedDesktops(25)
	other, _ := numberedDesktops(25)
	good := describe(t, service, "").NextToken
	decoded, err := base64.RawURLEncoding.DecodeString(good)
	require.NoError(t, err)
	changed := slices.Clone(decoded)
	changed[slices.Index(changed, '9')] = '8' // of ecd-000009
	for name, token := range map[string]string{
		"word":               "next",
		"number":             "2",
		"JSON":               base64.RawURLEncoding.EncodeToString([]byte(`{"ID":"ecd-000009","Total":25}`)),
		"null":               base64.RawURLEncoding.EncodeToString([]byte(`null`)),
		"changed one":        base64.RawURLEncoding.EncodeToString(changed),
		"one that is cut":    good[:len(good)-4],
		"longer one":         good + "AAAA",
		"of another service": describe(t, other, "").NextToken,
		"of another query":   describe(t, service, "DesktopStatus=Running").NextToken,
	} {
		status, body := call(t, service, time.Now(), "DescribeDesktops", "RegionId="+region+"&NextToken="+url.QueryEscape(token))
		assert.Equal(t, 400, status, name)
		assert.Contains(t, body, "InvalidParameter", name)
	}
	assert.Len(t, describe(t, service, "NextToken="+good).Desktops, 10)
	assert.Len(t, describe(t, service, "NextToken="+good).Desktops, 10, "a token is valid more than once")
}

func TestDescribeDesktops_LargeRegion(t *testing.T) {
	if testing.Short() {
		t.Skip("slow, left out by -short")
	}
	t.Parallel()
	service, ids := numberedDesktops(50_000)
	for i := range 100 {
		service.PutDesktop(region, maintenance.Desktop{DesktopId: fmt.Sprintf("pooled-%d", i), DesktopGroupId: "dg-1"})
	}
	first := describe(t, service, "MaxResults=100")
	assert.Equal(t, 50_000, first.TotalCount)
	found, rest := pages(t, service, "MaxResults=100", 50, func() {})
	brief.Equal(t, ids[:5000], slices.Concat(found...))
	assert.NotEmpty(t, rest)

	query := ""
	for i := range 100 {
		query += fmt.Sprintf("&DesktopId.%d=%s", i+1, ids[500*i])
	}
	assert.Len(t, describe(t, service, query[1:]+"&MaxResults=100").Desktops, 100)
}
