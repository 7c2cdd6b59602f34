// SPDX-License-Identifier: MIT

package top

import (
	"io"
	"os"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Theme is every look there is. It uses the sixteen colours of the terminal's
// own palette, so it follows a dark or a light one without asking the terminal.
type Theme struct {
	glyphs glyphs

	brand, label, value, dim   lipgloss.Style
	title, sorted              lipgloss.Style
	service, cursor            lipgloss.Style
	good, warn, bad, accent    lipgloss.Style
	badge, key, prompt, notice lipgloss.Style
}

// NewTheme makes the theme for an output: colours only if it is a terminal that
// has them and the environment (NO_COLOR, TERM) does not refuse them, lines and
// arrows only if the locale is UTF-8.
func NewTheme(w io.Writer, getenv func(string) string) Theme {
	r := lipgloss.NewRenderer(w)
	r.SetHasDarkBackground(true) // said, so that nobody asks the terminal
	// NO_COLOR counts when it is set to anything but nothing.
	r.SetColorProfile(termenv.NewOutput(w).EnvColorProfile())
	return newTheme(r, UTF8(getenv))
}

// UTF8 reports whether the locale in the environment is UTF-8.
func UTF8(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

func newTheme(r *lipgloss.Renderer, utf8 bool) Theme {
	color := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	t := Theme{
		glyphs:  asciiGlyphs,
		brand:   r.NewStyle().Bold(true),
		label:   r.NewStyle().Faint(true),
		value:   r.NewStyle().Bold(true),
		dim:     r.NewStyle().Faint(true),
		title:   r.NewStyle().Faint(true),
		sorted:  color("6").Bold(true),
		service: r.NewStyle().Bold(true),
		cursor:  color("6").Bold(true),
		good:    color("2"),
		warn:    color("3"),
		bad:     color("1").Bold(true),
		accent:  color("6"),
		badge:   color("3").Bold(true).Reverse(true),
		key:     r.NewStyle().Bold(true),
		prompt:  color("6").Bold(true),
		notice:  color("1").Bold(true),
	}
	if utf8 {
		t.glyphs = unicodeGlyphs
	}
	return t
}

// DefaultTheme is the theme of standard output.
func DefaultTheme() Theme { return NewTheme(os.Stdout, os.Getenv) }

// paint gives a cell its colour. The tone of a service's plain cell is its own.
func (t *Theme) paint(s string, tone tone, service bool) string {
	style := lipgloss.Style{}
	switch tone {
	case tonePlain:
		if !service {
			return s
		}
		style = t.service
	case toneDim:
		style = t.dim
	case toneGood:
		style = t.good
	case toneWarn:
		style = t.warn
	case toneBad:
		style = t.bad
	case toneAccent:
		style = t.accent
	}
	return style.Render(s)
}
