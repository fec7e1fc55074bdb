# Vivado: logic synthesis of block out of context, then place and route where asked.
# The steps are those of the variable DSE_STEPS, in any of: synth route.

set steps [list synth]
if {[info exists ::env(DSE_STEPS)]} {
    set steps [split $::env(DSE_STEPS)]
}

proc reports {kind} {
    report_utilization -file vivado_$kind.rpt
    report_utilization -hierarchical -hierarchical_percentages -file hierarchy_$kind.rpt
    report_timing_summary -file timing_$kind.rpt
}

if {[catch {
    foreach step $steps {
        if {[lsearch -exact [list synth route] $step] < 0} {
            error "DSE_STEPS: no step is called '$step'"
        }
    }
    create_project -in_memory -part {xcvu9p-flga2104-2L-e}
    set rtl block_prj/solution1/syn/verilog
    add_files $rtl
    foreach script [glob -nocomplain $rtl/*.tcl] {
        source $script
    }
    read_xdc -mode out_of_context constraints.xdc
    synth_design -mode out_of_context -top block -part {xcvu9p-flga2104-2L-e}
    opt_design -retarget -propconst -sweep -bram_power_opt -shift_register_opt
    reports synth
    if {[lsearch -exact $steps route] >= 0} {
        place_design
        phys_opt_design
        route_design
        reports route
        report_power -file power_route.rpt
    }
} message]} {
    puts stderr "ERROR: $message"
    exit 1
}
exit 0
