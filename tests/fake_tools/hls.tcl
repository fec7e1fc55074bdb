# The commands of Vivado HLS and Vitis HLS, as far as a script of ours may use them: each checks
# what the real one checks first, and the reports are written by ::env(FAKE_WRITER).
# Runs the script ::env(FAKE_SCRIPT) with the arguments that the real tool would give it.

set state [dict create sources {} benches {} flags {} synthesised 0]

proc fail {text} { error "ERROR: \[HLS 200-1\] $text" }

proc take {arguments values switches} {
    # Options of a command: those that have a value, those that have none, and the rest.
    set found [dict create {} {}]
    while {[llength $arguments]} {
        set arguments [lassign $arguments word]
        if {$word in $values} {
            if {![llength $arguments]} { fail "option $word needs a value" }
            set arguments [lassign $arguments value]
            dict set found $word $value
        } elseif {$word in $switches} {
            dict set found $word 1
        } elseif {[string index $word 0] eq "-"} {
            fail "unknown option '$word'"
        } else {
            dict lappend found {} $word
        }
    }
    return $found
}

proc need {key text} {
    if {![dict exists $::state $key]} { fail $text }
    return [dict get $::state $key]
}

proc writer {args} {
    puts [exec $::env(FAKE_PYTHON) $::env(FAKE_WRITER) {*}$args 2>@stderr]
}

proc open_project {args} {
    set found [take $args {} {-reset}]
    set name [lindex [dict get $found {}] 0]
    if {$name eq ""} { fail "open_project needs a name" }
    file mkdir $name
    dict set ::state project $name
}

proc set_top {name} { need project "no project is open"; dict set ::state top $name }

proc add_files {args} {
    need project "no project is open"
    set found [take $args {-cflags -csimflags} {-tb}]
    foreach name [dict get $found {}] {
        if {![file exists $name]} { fail "\[HLS 200-10\] Cannot find source file '$name'" }
        set kind [expr {[dict exists $found -tb] ? "benches" : "sources"}]
        dict lappend ::state $kind $name
    }
    if {[dict exists $found -cflags]} { dict lappend ::state flags [dict get $found -cflags] }
}

proc open_solution {args} {
    set found [take $args {-flow_target} {-reset}]
    set folder [file join [need project "no project is open"] [lindex [dict get $found {}] 0]]
    file mkdir $folder
    dict set ::state solution $folder
}

proc set_part {args} {
    need solution "no solution is open"
    set found [take $args {-tool} {}]
    set part [lindex [dict get $found {}] 0]
    if {![regexp {^x[caqr][0-9a-z]+-[-0-9a-zA-Z]+$} $part]} { fail "part '$part' is not known" }
    dict set ::state part $part
}

proc create_clock {args} {
    need solution "no solution is open"
    set period [dict get [take $args {-period -name} {}] -period]
    if {![string is double -strict $period] || $period <= 0} { fail "'$period' is no period" }
    dict set ::state period $period
}

proc set_clock_uncertainty {value args} {
    need period "set_clock_uncertainty: there is no clock"
    if {![regexp {^[0-9.]+%?$} $value]} { fail "'$value' is no uncertainty" }
}

proc known {name options} {
    proc $name {args} [format {
        need solution "no solution is open"
        take $args {%s} {}
    } $options]
}
# A boolean option may be written -option=false.
proc config_schedule {args} {
    need solution "no solution is open"
    foreach word $args {
        if {![regexp {^-(enable_dsp_full_reg|effort|relax_ii_for_timing|verbose)(=.*)?$} $word]} {
            fail "config_schedule: unknown option '$word'"
        }
    }
}
known config_compile {-name_max_length -pipeline_loops -unsafe_math_optimizations}
known config_interface {-trim_dangling_port -register_io}
known config_rtl {-reset -reset_level}
known config_export {-format -version -rtl}
known config_dataflow {-default_channel -fifo_depth}
if {$::env(FAKE_VERSION) < 2020.2} {
    known config_array_partition {-maximum_size -throughput_driven}
}

proc ready {} {
    foreach {key text} {
        top "the top function is not set: set_top" solution "no solution is open"
        part "the part is not set: set_part" period "there is no clock: create_clock"
    } { need $key $text }
    if {![llength [dict get $::state sources]]} { fail "there are no source files: add_files" }
}

proc csim_design {args} {
    take $args {-argv -ldflags -mflags} {-clean -setup -O}
    ready
    if {![llength [dict get $::state benches]]} { fail "csim_design: there is no test bench" }
    puts "INFO: \[SIM 211-1\] CSim done with 0 errors."
}

proc csynth_design {args} {
    take $args {} {-synthesis_check}
    ready
    set s $::state
    writer csynth [dict get $s solution] [dict get $s top] [dict get $s part] \
        [dict get $s period] [join [dict get $s flags]] {*}[dict get $s sources]
    dict set ::state synthesised 1
}

proc cosim_design {args} {
    take $args {-rtl -trace_level -tool -argv -ldflags -O} {-setup -enable_dataflow_profiling}
    if {![dict get $::state synthesised]} { fail "cosim_design: csynth_design comes first" }
    if {![llength [dict get $::state benches]]} { fail "cosim_design: there is no test bench" }
    writer cosim [dict get $::state solution] [dict get $::state top]
}

proc export_design {args} {
    take $args {-format -version -rtl -flow -output -vendor -library -description} {-evaluate}
    if {![dict get $::state synthesised]} { fail "export_design: csynth_design comes first" }
    set folder [file join [dict get $::state solution] impl ip]
    file mkdir $folder
    set file [open [file join $folder component.xml] w]
    puts $file "<component/>"
    close $file
}

proc close_solution {} { dict unset ::state solution }
proc close_project {} { dict unset ::state project }
proc quit {} { exit 0 }
proc unknown {name args} { error "invalid command name \"$name\"" }

set argv [split $::env(FAKE_ARGV) "\n"]
set argc [llength $argv]
if {[catch {source $::env(FAKE_SCRIPT)} message]} {
    puts "$message\n    while executing \"source $::env(FAKE_SCRIPT)\""
    exit 1
}
