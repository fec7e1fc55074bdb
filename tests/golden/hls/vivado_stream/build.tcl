# Vivado HLS: simulates, synthesises and exports block.
# The steps are those of the variable DSE_STEPS, in any of: csim csynth cosim export.

set steps [list csim csynth]
if {[info exists ::env(DSE_STEPS)]} {
    set steps [split $::env(DSE_STEPS)]
}

# A setting that this version of the tool does not know is told and left out.
proc setting {args} {
    if {[catch {eval $args} message]} {
        puts "WARNING: $args: $message"
    }
}

if {[catch {
    open_project block_prj
    set_top block
    add_files firmware/block.cpp -cflags "-std=c++0x -Ifirmware"
    add_files -tb block_test.cpp -cflags "-std=c++0x -Ifirmware -Wno-unknown-pragmas"
    add_files -tb tb_data
    open_solution "solution1"
    set_part {xcvu9p-flga2104-2L-e}
    create_clock -period 5 -name default
    set_clock_uncertainty 0.625 default
    setting config_array_partition -maximum_size 4096
    setting config_compile -name_max_length 80
    foreach step $steps {
        switch -- $step {
            csim { csim_design }
            csynth { csynth_design }
            cosim { cosim_design -rtl verilog -trace_level none }
            export { export_design -format ip_catalog }
            default { error "DSE_STEPS: no step is called '$step'" }
        }
    }
} message]} {
    puts stderr "ERROR: $message"
    exit 1
}
exit 0
