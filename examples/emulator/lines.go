package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"text/template"

	"github.com/ecdkit/ecd-maintenance-go/maintenance/maintenancetest"
)

// access has the addresses and files by which clients on this machine reach the emulator.
type access struct {
	url  string
	port string
	ca   string // absolute path of the certificate to trust; empty without TLS
}

// lines are printed at start, ready to be copied.
var lines = template.Must(template.New("lines").Funcs(template.FuncMap{
	"go": func(s string) string { return fmt.Sprintf("%q", s) }, // the same syntax in Python
	"sh": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
}).Parse(`{{.Count}} desktops, {{.Desktop}} the first one in {{.Region}}{{with .State}}, saved to {{.}}{{end}}
page for people: {{.URL}}/

Go, this library:

package main

import (
{{- if .CA}}
	"context"
	"crypto/x509"
	"fmt"
	"log"
	"net/http"
	"os"
{{else}}
	"context"
	"fmt"
	"log"
{{end}}
	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

func main() {
{{- if .CA}}
	pem, err := os.ReadFile({{go .CA}})
	if err != nil {
		log.Fatal(err)
	}
	transport := maintenance.NewTransport()
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
{{- end}}
	client, err := maintenance.NewClient(
{{- if .Exposed}}
		// Replace the host if the client reaches the emulator by another name; -name sets the name that is printed.
{{- end}}
		maintenance.{{if .Exposed}}WithInsecureEndpoint{{else}}WithEndpoint{{end}}({{go .Endpoint}}),
		maintenance.WithStaticCredential({{go .KeyID}}, {{go .Secret}}, ""),
{{- if .CA}}
		maintenance.WithHTTPClient(&http.Client{Transport: transport}),
{{- end}}
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.SetMaintenance(context.Background(), {{go .Region}}, maintenance.ModeEnter, []string{ {{- go .Desktop -}} }))
}

Alibaba Cloud CLI{{if .CA}} (on macOS and Windows with --skip-secure-verify in place of SSL_CERT_FILE){{end}}:

{{if .CA}}SSL_CERT_FILE={{sh .CA}} {{end}}aliyun ecd SetDesktopMaintenance --force --endpoint {{.Host}}{{if not .CA}} --insecure{{end}} \
    --access-key-id {{.KeyID}} --access-key-secret {{.Secret}} --region {{.Region}} \
    --RegionId {{.Region}} --Mode ENTER --DesktopIds.1 {{sh .Desktop}}

Python (pip install alibabacloud_ecd20200930):

from alibabacloud_ecd20200930.client import Client
from alibabacloud_ecd20200930.models import SetDesktopMaintenanceRequest
from alibabacloud_tea_openapi.models import Config
client = Client(Config(access_key_id={{go .KeyID}}, access_key_secret={{go .Secret}}, region_id={{go .Region}},
                       endpoint={{go .PythonHost}}, protocol={{if .CA}}"HTTPS", ca={{go .CA}}{{else}}"HTTP"{{end}}))
print(client.set_desktop_maintenance(SetDesktopMaintenanceRequest(
    region_id={{go .Region}}, mode="ENTER", desktop_ids=[{{go .Desktop}}])).body)

listening on {{.URL}}
`))

// print prints how clients reach the emulator. The last line says that it listens.
func (e *emulator) print(out io.Writer, a access) {
	states := e.service.Snapshot()
	desktop := ""
	for _, state := range states {
		if state.Region == e.region {
			desktop = state.Desktop.DesktopId
			break
		}
	}
	name := e.printedHost()
	host := net.JoinHostPort(name, a.port)
	scheme, _, _ := strings.Cut(a.url, ":")
	pythonHost := host
	if isLoopback(name) {
		pythonHost = net.JoinHostPort("localhost", a.port) // with urllib3 1 the SDK cannot verify a certificate for an IP address
	}
	err := lines.Execute(out, map[string]any{
		"Count": len(states), "Desktop": desktop, "Region": e.region, "State": e.state,
		"URL": a.url, "Endpoint": scheme + "://" + host, "Host": host, "PythonHost": pythonHost, "CA": a.ca, "Exposed": a.ca == "" && !isLoopback(name),
		"KeyID": maintenancetest.DefaultAccessKeyID, "Secret": maintenancetest.DefaultAccessKeySecret,
	})
	if err != nil {
		e.log.Print(err) // the emulator works without these lines too
	}
}
