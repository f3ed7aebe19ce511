// SPDX-License-Identifier: Apache-2.0

// Renders a chart's templates as helm does, whose engine they are: text/template with
// sprig, and what helm adds to it as far as our chart uses it. Debian has no helm.
//
//	chart FOLDER <SCOPE
//
// SCOPE is JSON: what the templates see (Values, Chart, Release). The output is JSON
// as well: each template's name, and what became of it.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v2"
)

// files is .Files of the templates.
type files string

// Get has the text of a file of the chart; nothing if it is not there.
func (f files) Get(name string) string {
	text, _ := os.ReadFile(filepath.Join(string(f), name))
	return string(text)
}

func toYaml(value interface{}) (string, error) {
	text, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(text), "\n"), err
}

func functions(set *template.Template) template.FuncMap {
	include := func(name string, scope interface{}) (string, error) {
		var out strings.Builder
		err := set.ExecuteTemplate(&out, name, scope)
		return out.String(), err
	}
	known := sprig.TxtFuncMap()
	known["include"] = include
	known["toYaml"] = toYaml
	return known
}

func parse(folder string) (*template.Template, []string, error) {
	set := template.New("chart").Option("missingkey=zero")
	set.Funcs(functions(set))
	paths, err := filepath.Glob(filepath.Join(folder, "templates", "*"))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		_, err = set.New(filepath.Base(path)).Parse(string(text))
		if err != nil {
			return nil, nil, err
		}
	}
	return set, paths, nil
}

func render(folder string) (map[string]string, error) {
	var scope map[string]interface{}
	err := json.NewDecoder(os.Stdin).Decode(&scope)
	if err != nil {
		return nil, err
	}
	scope["Files"] = files(folder)
	set, paths, err := parse(folder)
	if err != nil {
		return nil, err
	}
	rendered := map[string]string{}
	for _, path := range paths {
		var out strings.Builder
		name := filepath.Base(path)
		err = set.ExecuteTemplate(&out, name, scope)
		if err != nil {
			return nil, err
		}
		// Helm hides the value of a key that is missing.
		rendered[name] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	return rendered, nil
}

func main() {
	rendered, err := render(os.Args[1])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(rendered)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}
