package maintenance

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// endpoint is the protocol and host of requests. The zero value stands for the public endpoint of
// each region.
type endpoint struct {
	protocol string // "https" or "http"
	host     string // "host" or "host:port"
}

func (e endpoint) of(region string) endpoint {
	if e.host != "" {
		return e
	}
	return endpoint{protocol: "https", host: "ecd." + region + ".aliyuncs.com"}
}

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// parseEndpoint reads "host", "host:port" or a URL without user info, path, query and fragment. It
// accepts http:// for loopback hosts, and for any host if insecure is set. Errors do not repeat the
// endpoint, which may hold a password.
func parseEndpoint(s string, insecure bool) (endpoint, error) {
	refuse := func(reason string) (endpoint, error) {
		return endpoint{}, &ValidationError{"endpoint", reason}
	}
	if s == "" {
		return refuse("is empty")
	}
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return refuse("is not a host, a host and port, or a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return refuse("has a scheme other than https and http")
	case u.User != nil:
		return refuse("has user info")
	case u.Path != "" && u.Path != "/":
		return refuse("has a path")
	case u.RawQuery != "" || u.ForceQuery:
		return refuse("has a query")
	case u.Fragment != "" || strings.Contains(s, "#"):
		return refuse("has a fragment")
	}

	host, port := strings.ToLower(u.Hostname()), u.Port()
	address, err := netip.ParseAddr(host)
	// strings.ToLower turns some non-ASCII letters into ASCII. An IPv6 address without brackets is
	// ambiguous: its last group may be a port.
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) || strings.Contains(host, ":") && u.Host[0] != '[' {
		return refuse("has a host that is neither a host name nor an IP address")
	}
	if err != nil && (len(host) > 253 || !hostName.MatchString(host)) || address.Zone() != "" {
		return refuse("has a host that is neither a host name nor an IP address")
	}
	if u.Scheme == "http" && !insecure && host != "localhost" && !address.IsLoopback() {
		return refuse("uses http:// for a host that is not loopback; use https://")
	}
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) || strings.HasSuffix(u.Host, ":") {
		return refuse("has a port that is not a number from 1 to 65535")
	}
	if port == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		port = ""
	}
	e := endpoint{protocol: u.Scheme, host: host}
	switch {
	case port != "":
		e.host = net.JoinHostPort(host, port)
	case address.Is6():
		e.host = "[" + host + "]"
	}
	return e, nil
}
