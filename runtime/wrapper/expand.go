package main

import "strings"

// expand replaces $(NAME) by the value of NAME and $$ by $, as Kubernetes does: a name that is not set stays as it is.
func expand(text string, values map[string]string) string {
	if !strings.Contains(text, "$") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '$':
			out.WriteByte('$')
			i++
		case '(':
			end := strings.IndexByte(text[i+2:], ')')
			if end < 0 {
				out.WriteByte('$')
				continue
			}
			name := text[i+2 : i+2+end]
			if value, ok := values[name]; ok {
				out.WriteString(value)
			} else {
				out.WriteString(text[i : i+3+end])
			}
			i += 2 + end
		default:
			out.WriteByte('$')
		}
	}
	return out.String()
}

// environment gives the program's variables: the container's own, then the declared ones in order. A value may refer to
// variables declared before it. toolsDirectory is appended to PATH.
func environment(container []string, declared [][2]string, toolsDirectory string) (list []string, values map[string]string) {
	values = make(map[string]string, len(container)+len(declared))
	order := make([]string, 0, len(container)+len(declared))
	set := func(name, value string) {
		if _, known := values[name]; !known {
			order = append(order, name)
		}
		values[name] = value
	}
	for _, item := range container {
		if name, value, ok := strings.Cut(item, "="); ok && name != retryVariable {
			set(name, value)
		}
	}
	for _, pair := range declared {
		set(pair[0], expand(pair[1], values))
	}
	path := values["PATH"]
	if path == "" {
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	set("PATH", path+":"+toolsDirectory)
	for _, name := range order {
		list = append(list, name+"="+values[name])
	}
	return list, values
}
