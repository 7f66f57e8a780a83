package main

import "strings"

// expand replaces $(NAME) by the value of NAME, in one pass; a name that is not set stays as it is, and $$(NAME) is how
// one writes a literal $(NAME). A $ anywhere else belongs to the shell that may read the text. The local engine has the
// same rules (engine/expansion.py).
func expand(text string, values map[string]string) string {
	if !strings.Contains(text, "$(") {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		dollars := 0
		for i+dollars < len(text) && text[i+dollars] == '$' {
			dollars++
		}
		next := i + dollars
		if dollars == 0 || next == len(text) || text[next] != '(' {
			end := max(next, i+1)
			out.WriteString(text[i:end])
			i = end
			continue
		}
		refers := dollars%2 == 1
		out.WriteString(strings.Repeat("$", dollars/2))
		length := strings.IndexByte(text[next:], ')')
		switch {
		case length < 0:
			if refers {
				out.WriteByte('$')
			}
			out.WriteByte('(')
			i = next + 1
		case refers:
			name := text[next+1 : next+length]
			if value, ok := values[name]; ok {
				out.WriteString(value)
			} else {
				out.WriteString("$(" + name + ")")
			}
			i = next + length + 1
		default:
			out.WriteString(text[next : next+length+1])
			i = next + length + 1
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
